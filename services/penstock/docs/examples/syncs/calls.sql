SELECT call_id, subject, caller_kind, caller_account_no, caller_customer_id
FROM crm.calls
