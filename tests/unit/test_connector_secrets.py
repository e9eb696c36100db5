import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.rules.secrets import FILTERED, filter_secrets, is_secret_name
from lineage_schemas.values import JsonValue

SECRET = "sw0rdfish"
PLACE = FILTERED.decode()


def filtered(text: str) -> tuple[str, int]:
    body, count = filter_secrets(text.encode())
    return body.decode(), count


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_password", "DB_PASSWORD", "dbPassword", "PGPASSWORD", "passwd", "pwd"),
        *("secret", "client_secret", "clientSecret", "secrets", "spark.hadoop.fs.s3a.secret.key"),
        *("token", "access_token", "GITHUB_TOKEN", "sas-token", "authToken", "passphrase"),
        *("api_key", "apiKey", "APIKey", "X-Api-Key", "apikey", "OPENAI_API_KEY"),
        *("aws_secret_access_key", "AWS_ACCESS_KEY_ID", "accessKey", "private_key", "privateKey"),
        *("Authorization", "credentials", "connection_string", "connectionString", "conn_str"),
        *("AccountKey", "SharedAccessKey", "DATABASE_PASSWORD_PROD", "secret_id"),
        *("shared_access_signature", "sharedAccessSignature"),
    ],
)
def test_a_name_of_a_secret_is_known(name: str) -> None:
    assert is_secret_name(name)
    assert filtered(json.dumps({name: SECRET})) == (json.dumps({name: PLACE}), 1)


@pytest.mark.parametrize(
    "name",
    [
        *("name", "key", "tokenizer", "max_tokens", "tokens", "token_count", "pad_token"),
        *("eos_token", "new_token", "token_type", "token_url", "secret_name", "secret_arn"),
        *("password_policy", "private_key_path", "private_key_id", "PWD", "OLDPWD", "keyboard"),
        *("primary_key", "foreign_key", "partition_key", "sort_key", "connection", "author", ""),
        *("signature", "model_signature", "passenger", "compass", "secretary", "bypass"),
    ],
)
def test_a_name_of_no_secret_is_left_alone(name: str) -> None:
    body = json.dumps({name: SECRET}).encode()
    assert filter_secrets(body) == (body, 0)


# --- where secrets stand -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "count"),
    [
        ('{"uri": "postgres://ada:PW@db/x"}', '{"uri": "postgres://ada:[filtered]@db/x"}', 1),
        ('{"uri": "redis://:PW@db"}', '{"uri": "redis://:[filtered]@db"}', 1),
        ('{"uri": "jdbc:mysql://a:PW@db"}', '{"uri": "jdbc:mysql://a:[filtered]@db"}', 1),
        ('{"uri": "postgres:\\/\\/a:PW@db"}', '{"uri": "postgres:\\/\\/a:[filtered]@db"}', 1),
        ('{"uri": "postgres://a:P\\"W@db"}', '{"uri": "postgres://a:[filtered]@db"}', 1),
        ('{"uri": "postgres://a:P@W@db"}', '{"uri": "postgres://a:[filtered]@db"}', 1),
        ('{"uri": "https://PW@git.example"}', '{"uri": "https://[filtered]@git.example"}', 1),
        ('{"postgres://a:PW@db": 1}', '{"postgres://a:[filtered]@db": 1}', 1),
        (
            '{"uri": "see a://b:PW@c and d://e:PW@f"}',
            '{"uri": "see a://b:[filtered]@c and d://e:[filtered]@f"}',
            2,
        ),
        (
            '{"uri": "jdbc:mysql://db/x?user=a&password=PW&ssl=1"}',
            '{"uri": "jdbc:mysql://db/x?user=a&password=[filtered]&ssl=1"}',
            1,
        ),
        (
            '{"uri": "Server=db;Uid=a;Password=PW;"}',
            '{"uri": "Server=db;Uid=a;Password=[filtered];"}',
            1,
        ),
        ('{"uri": "az://c/x?sv=1&sig=PW"}', '{"uri": "az://c/x?sv=1&sig=[filtered]"}', 1),
        ('{"tokens": ["PW"], "secrets": ["PW", "PW"]}', None, 2),
        ('{"password": {"type": "varchar"}}', '{"password": {"type": "varchar"}}', 0),
        ('{"password": null, "token": 7, "secret": ""}', None, 0),
        (
            '[{"name": "DB_TOKEN", "value": "PW"}, {"value": "PW", "name": "HOME"}]',
            '[{"name": "DB_TOKEN", "value": "[filtered]"}, {"value": "PW", "name": "HOME"}]',
            1,
        ),
        (
            '[{"value": "PW", "x": {"y": []}, "key": "api_key"}]',
            '[{"value": "[filtered]", "x": {"y": []}, "key": "api_key"}]',
            1,
        ),
        (
            '{"fields": [{"name": "password", "type": "text"}]}',
            '{"fields": [{"name": "password", "type": "text"}]}',
            0,
        ),
        ('{"password" :\n "P\\\\"W"', None, 1),
    ],
)
def test_secrets_are_replaced_and_counted(text: str, expected: str | None, count: int) -> None:
    found, counted = filtered(text)
    assert counted == count
    assert found.count(PLACE) == count
    if expected is not None:
        assert found == expected


def test_a_clean_message_is_returned_as_the_same_object() -> None:
    for text in ('{"a": "b"}', '{"token_count": "7", "uri": "https://example.com:80/a@b"}'):
        body = text.encode()
        assert filter_secrets(body)[0] is body


def test_nothing_but_the_secret_changes() -> None:
    text = '{ "a" : 1.50,\t"password"\n:"sw0rdfish" , "\\u00e9":"\\/ é", "a":2 }\r\n'
    assert filtered(text) == (text.replace(SECRET, PLACE), 1)


def test_what_was_filtered_is_not_counted_again() -> None:
    once, count = filter_secrets(b'{"password": "x", "u": "a://b:c@d"}')
    assert count == 2
    assert filter_secrets(once) == (once, 0)


# --- properties ----------------------------------------------------------------------------------

NAMES = st.sampled_from(["password", "apiKey", "db_token", "secrets"])
PLAIN = st.sampled_from(["a", "name", "key", "value", "uri", "pad_token"])
HARMLESS = st.text('abc "\\/é{}[]:,', max_size=8)


def documents() -> st.SearchStrategy[JsonValue]:
    """Return JSON with harmless texts, in which every text under a secret's name is the secret."""
    secrets = st.just(SECRET) | st.lists(st.just(SECRET), max_size=2)
    leaves: st.SearchStrategy[JsonValue] = (
        HARMLESS | st.none() | st.integers() | st.just(f"s://u:{SECRET}@h")
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.builds(
                lambda plain, hidden: {**plain, **hidden},
                st.dictionaries(PLAIN, inner, max_size=3),
                st.dictionaries(NAMES, secrets, max_size=2),
            )
        ),
        max_leaves=12,
    )


def replaced(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: replaced(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner) for inner in value]
    return value.replace(SECRET, PLACE) if isinstance(value, str) else value


@given(documents(), st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_every_planted_secret_goes_and_nothing_else(
    document: JsonValue,
    ascii_only: bool,  # noqa: FBT001
    indent: int | str | None,
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    found, count = filtered(text)
    assert json.loads(found) == replaced(document)
    assert count == text.count(SECRET)


@given(st.binary() | st.text('{}[]",:\\ passwordtokenvalue://@').map(str.encode))
def test_no_bytes_are_refused(body: bytes) -> None:
    found, count = filter_secrets(body)
    assert (found is body) == (count == 0)
