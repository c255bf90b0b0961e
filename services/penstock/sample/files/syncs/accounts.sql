SELECT account_no, name, email, phone, website, city, country, industry, employees, revenue, notes
FROM sample.companies
