SELECT customer_id, product, plan, fee, since, until
FROM sample.subscriptions
