SELECT customer_id, first_name, last_name, email, mobile, city, gender, born, credit_limit, children, no_email,
    last_campaign, notes, account_no
FROM sample.customers
