{{ config(materialized='view') }}

select
    customers.customer_id,
    customers.country as home_country,
    customers.joined_on
from {{ source('raw', 'customers') }} as customers
