select id as customer, upper(name) as name, country from {{ ref('customers') }}
