SELECT account_no, region, company_name, phone, website, industry, revenue, currency, kind, owner_no
FROM crm.companies
