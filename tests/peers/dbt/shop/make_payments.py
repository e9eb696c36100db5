"""Write the table that the project takes from elsewhere: ``python make_payments.py``."""

import duckdb

with duckdb.connect("shop.duckdb") as database:
    database.execute(
        "create table if not exists payments as "
        "select * from (values (10, 25.5), (11, 4.0), (12, 50.0)) as given(order_number, paid)"
    )
