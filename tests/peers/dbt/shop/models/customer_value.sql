{{ config(materialized='table') }}
select customers.customer, customers.name, sum(orders.paid) as total
from {{ ref('customers_clean') }} as customers
join {{ ref('orders_paid') }} as orders using (customer)
group by all
