{{ config(materialized='table') }}

select distinct
    transactions.transaction_id,
    transactions.customer_id,
    transactions.booked_at,
    transactions.amount,
    transactions.country,
    customers.home_country,
    customers.joined_on,
    categories.risk as merchant_risk,
    transactions.is_fraud
from {{ source('raw', 'transactions') }} as transactions
inner join {{ ref('customers_clean') }} as customers
    on transactions.customer_id = customers.customer_id
inner join {{ ref('merchant_categories') }} as categories
    on transactions.merchant_category = categories.merchant_category
where transactions.amount > 0
