// Package query answers queries of the store (reference section 7): $filter, $select, $orderby, $expand, $apply and FetchXML, bound to tables; the rows
// that they find, page by page, and what has changed since; rows as JSON with their annotations. It knows what a caller may see, and nothing of
// requests.
package query
