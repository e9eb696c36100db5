{{ config(materialized='table') }}
select customer, name from {{ ref('customer_value') }} order by total desc limit 2
