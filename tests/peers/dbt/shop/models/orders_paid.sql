select orders.id as order_number, orders.customer, payments.paid
from {{ ref('orders') }} as orders
join {{ source('bank', 'payments') }} as payments on payments.order_number = orders.id
