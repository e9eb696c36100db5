select * from {{ ref('customer_value') }} where total < 0
