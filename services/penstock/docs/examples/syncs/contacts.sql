SELECT customer_id, email, first_name, last_name, gender, newsletter, birthday, notes, tax_id, account_no
FROM crm.customers
WHERE consent
