{% snapshot values_over_time %}
{{ config(unique_key='customer', strategy='check', check_cols=['total'], target_schema='main') }}
select customer, total from {{ ref('customer_value') }}
{% endsnapshot %}
