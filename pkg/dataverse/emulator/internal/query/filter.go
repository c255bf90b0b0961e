package query

import (
	"bytes"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A predicate says whether a row is among what a $filter asks for.
type predicate func(*store.Row) bool

// A scope is what names in an expression stand for: columns of a table, and within a lambda these only after its variable.
type scope struct {
	table    *store.Table
	variable string
}

// A term is a column, possibly of a row that lookups lead to. Its read returns the JSON value, nothing for null.
type term struct {
	table  *store.Table // the one that has the column
	column int
	read   func(*store.Row) []byte
	direct bool // a column of the row itself
}

func (x term) schema() *schema.Column { return &x.table.Columns[x.column] }

// term resolves a path.
func (d *Reader) term(s scope, path odata.Path) (term, *refusal.Error) {
	if s.variable != "" {
		if path[0] != s.variable || len(path) == 1 {
			return term{}, refusal.BadURI.Says("'%s' is not a property of the range variable '%s'.", strings.Join(path, "/"), s.variable)
		}
		path = path[1:]
	}
	t := s.table
	if len(path) == 1 {
		column, ok := t.Readable[path[0]]
		if !ok {
			return term{}, unknownColumn(t, path[0])
		}
		return term{t, column, func(r *store.Row) []byte { return t.Peek(r, column) }, true}, nil
	}
	step, to, f := d.follow(t, path[0])
	if f != nil {
		return term{}, f
	}
	rest, f := d.term(scope{table: to}, path[1:])
	if f != nil {
		return term{}, f
	}
	read := rest.read
	rest.direct = false
	rest.read = func(r *store.Row) []byte {
		if r = step(r); r == nil {
			return nil
		}
		return read(r)
	}
	return rest, nil
}

// follow resolves a single-valued navigation property to the step from a row to the one that it points at.
func (d *Reader) follow(t *store.Table, name string) (func(*store.Row) *store.Row, *store.Table, *refusal.Error) {
	p, ok := t.Properties[name]
	if !ok || p.Kind != store.Navigation {
		return nil, nil, unknownColumn(t, name)
	}
	if len(p.Targets) > 1 {
		return nil, nil, refusal.BadURI.Says("The navigation property '%s' leads to 'Microsoft.Dynamics.CRM.principal', which has no property that can be asked for here.", name)
	}
	to := p.Targets[0]
	if f := d.use(to.Table); f != nil {
		return nil, nil, f
	}
	return func(r *store.Row) *store.Row {
		index, id, ok := store.Reference(store.Value(r.Cells, p.Column))
		if !ok || index != to.Index {
			return nil
		}
		return d.find(to.Table, id)
	}, to.Table, nil
}

// predicate compiles an expression.
func (d *Reader) predicate(s scope, e odata.Expression) (predicate, *refusal.Error) {
	switch e := e.(type) {
	case *odata.Binary:
		if e.Operator == "and" || e.Operator == "or" {
			return d.junction(s, e)
		}
		return d.comparison(s, e)
	case *odata.Not:
		of, f := d.predicate(s, e.Of)
		if f != nil {
			return nil, f
		}
		return func(r *store.Row) bool { return !of(r) }, nil
	case *odata.Call:
		return d.function(s, e)
	case *odata.Lambda:
		return d.lambda(s, e)
	case odata.Path:
		x, f := d.term(s, e)
		if f != nil {
			return nil, f
		}
		if x.schema().Type == schema.Boolean {
			return func(r *store.Row) bool { return string(x.read(r)) == "true" }, nil
		}
	case odata.Literal:
		if e.Kind == odata.Bool {
			return func(*store.Row) bool { return e.Text == "true" }, nil
		}
	case odata.List:
	}
	return nil, refusal.BadURI.Says("The $filter expression must evaluate to a single boolean value.")
}

// junction compiles a chain of and, or of or, into one loop: chains of a thousand comparisons are usual.
func (d *Reader) junction(s scope, e *odata.Binary) (predicate, *refusal.Error) {
	var all []predicate
	var operand odata.Expression = e
	for {
		b, ok := operand.(*odata.Binary)
		if !ok || b.Operator != e.Operator {
			break
		}
		p, f := d.predicate(s, b.Right)
		if f != nil {
			return nil, f
		}
		all = append(all, p)
		operand = b.Left
	}
	p, f := d.predicate(s, operand)
	if f != nil {
		return nil, f
	}
	all = append(all, p)
	decides := e.Operator == "or" // one that is true decides an or, one that is false an and
	return func(r *store.Row) bool {
		for i := len(all) - 1; i >= 0; i-- {
			if all[i](r) == decides {
				return decides
			}
		}
		return !decides
	}, nil
}

// tests are what a comparison's sign has to be.
//
//nolint:gochecknoglobals // constant table
var tests = map[string]struct {
	kind  string // as OData's messages name it
	holds func(int) bool
	swap  string // with the sides exchanged
}{
	"eq": {"Equal", func(n int) bool { return n == 0 }, "eq"},
	"ne": {"NotEqual", func(n int) bool { return n != 0 }, "ne"},
	"gt": {"GreaterThan", func(n int) bool { return n > 0 }, "lt"},
	"ge": {"GreaterThanOrEqual", func(n int) bool { return n >= 0 }, "le"},
	"lt": {"LessThan", func(n int) bool { return n < 0 }, "gt"},
	"le": {"LessThanOrEqual", func(n int) bool { return n <= 0 }, "ge"},
}

// comparison compiles a column against a literal, or against another column.
func (d *Reader) comparison(s scope, e *odata.Binary) (predicate, *refusal.Error) {
	left, right, operator := e.Left, e.Right, e.Operator
	if _, literal := left.(odata.Literal); literal && operator != "in" {
		left, right, operator = right, left, tests[operator].swap
	}
	path, ok := left.(odata.Path)
	if !ok {
		return nil, refusal.BadURI.Says("The left operand of '%s' is not a property.", operator)
	}
	x, f := d.term(s, path)
	if f != nil {
		return nil, f
	}
	switch v := right.(type) {
	case odata.Literal:
		literal, ok := typed(x.schema(), v)
		if !ok {
			return nil, incompatible(x.schema().Edm(), v.Edm(), operator)
		}
		return compareWith(x, operator, literal), nil
	case odata.Path:
		y, f := d.term(s, v)
		if f != nil {
			return nil, f
		}
		if a, b := x.schema().Edm(), y.schema().Edm(); a != b && !(isNumber(x.schema()) && isNumber(y.schema())) {
			return nil, incompatible(a, b, operator)
		}
		holds, ordered := tests[operator].holds, operator != "eq" && operator != "ne"
		return func(r *store.Row) bool {
			a, b := x.read(r), y.read(r)
			return (!ordered || len(a) > 0 && len(b) > 0) && holds(compareValues(x.schema(), a, b))
		}, nil
	case odata.List:
		if !d.InOperator {
			return nil, refusal.BadURI.Says("The operator 'in' is not supported; use Microsoft.Dynamics.CRM.In.")
		}
		return oneOf(x, v)
	}
	return nil, refusal.BadURI.Says("The right operand of '%s' is neither a literal nor a property.", operator)
}

func incompatible(a, b, operator string) *refusal.Error {
	return refusal.BadURI.Says("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", a, b, tests[operator].kind)
}

// compareWith compares with a constant. Null is equal to null only, and is neither greater nor less than anything.
func compareWith(x term, operator string, literal []byte) predicate {
	holds, col := tests[operator].holds, x.schema()
	if operator != "eq" && operator != "ne" {
		return func(r *store.Row) bool {
			v := x.read(r)
			return len(v) > 0 && len(literal) > 0 && holds(compareValues(col, v, literal))
		}
	}
	return func(r *store.Row) bool { return holds(compareValues(col, x.read(r), literal)) }
}

// oneOf is true for rows whose value is in the list.
func oneOf(x term, list odata.List) (predicate, *refusal.Error) {
	var all [][]byte
	for _, v := range list {
		literal, ok := typed(x.schema(), v)
		if !ok {
			return nil, incompatible(x.schema().Edm(), v.Edm(), "eq")
		}
		all = append(all, literal)
	}
	return func(r *store.Row) bool {
		v := x.read(r)
		for _, literal := range all {
			if compareValues(x.schema(), v, literal) == 0 {
				return true
			}
		}
		return false
	}, nil
}

// lambda compiles any and all over a collection-valued navigation property. The rows that point at each row are found once, when first asked for.
func (d *Reader) lambda(s scope, e *odata.Lambda) (predicate, *refusal.Error) {
	path := e.Path
	if s.variable != "" && path[0] == s.variable {
		path = path[1:]
	}
	if len(path) != 1 {
		return nil, refusal.BadURI.Says("any and all are supported over the collections of a table itself, not over '%s'.", strings.Join(e.Path, "/"))
	}
	in, ok := s.table.Incoming[path[0]]
	if !ok {
		return nil, unknownColumn(s.table, path[0])
	}
	if f := d.use(in.Table); f != nil {
		return nil, f
	}
	body := func(*store.Row) bool { return true }
	if e.Body != nil {
		var f *refusal.Error
		if body, f = d.predicate(scope{in.Table, e.Variable}, e.Body); f != nil {
			return nil, f
		}
	}
	// For any, the ids of rows with a row for which the body holds; for all, of those with one for which it does not.
	var found map[[16]byte]bool
	return func(r *store.Row) bool {
		if found == nil {
			found = map[[16]byte]bool{}
			for _, other := range in.Table.Rows() {
				if other = d.visible(in.Table, other); other == nil || body(other) == e.All {
					continue
				}
				if index, id, ok := store.Reference(store.Value(other.Cells, in.Column)); ok && index == in.Index {
					found[id] = true
				}
			}
		}
		return found[r.ID] != e.All
	}, nil
}

// function compiles contains(column,'text') and its kin, and the query functions of Dataverse.
func (d *Reader) function(s scope, e *odata.Call) (predicate, *refusal.Error) {
	if name, ok := strings.CutPrefix(e.Name, "Microsoft.Dynamics.CRM."); ok {
		return d.queryFunction(s, name, e)
	}
	texts := map[string]func(s, part []byte) bool{"contains": bytes.Contains, "startswith": bytes.HasPrefix, "endswith": bytes.HasSuffix}
	test, known := texts[e.Name]
	if !known || len(e.Path) > 0 {
		return nil, refusal.BadURI.Says("An unknown function with name '%s' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.", e.Name)
	}
	if len(e.Arguments) != 2 {
		return nil, refusal.BadURI.Says("No function signature for the function with name '%s' matches the specified arguments.", e.Name)
	}
	path, isPath := e.Arguments[0].(odata.Path)
	literal, isLiteral := e.Arguments[1].(odata.Literal)
	if !isPath || !isLiteral || literal.Kind != odata.String {
		return nil, refusal.BadURI.Says("No function signature for the function with name '%s' matches the specified arguments: they are a property and a string.", e.Name)
	}
	x, f := d.term(s, path)
	if f != nil {
		return nil, f
	}
	if x.schema().Edm() != "Edm.String" {
		return nil, refusal.BadURI.Says("No function signature for the function with name '%s' matches the specified arguments: '%s' is of type '%s'.", e.Name, strings.Join(path, "/"), x.schema().Edm())
	}
	part := []byte(strings.ToLower(literal.Text))
	return func(r *store.Row) bool {
		var scratch [256]byte
		v := x.read(r)
		return len(v) > 0 && test(store.AppendLower(scratch[:0], v), part)
	}, nil
}

// equalities notes which columns of the row itself the filter wants equal to a literal, all of them at once.
func (d *Reader) equalities(q *Query, e odata.Expression) {
	b, ok := e.(*odata.Binary)
	if !ok {
		return
	}
	switch b.Operator {
	case "and":
		d.equalities(q, b.Left)
		d.equalities(q, b.Right)
	case "eq":
		path, isPath := b.Left.(odata.Path)
		literal, isLiteral := b.Right.(odata.Literal)
		if isPath && isLiteral && len(path) == 1 && literal.Kind != odata.Null {
			column := q.table.Readable[path[0]]
			q.equal[column], _ = typed(&q.table.Columns[column], literal)
		}
	}
}

func isNumber(c *schema.Column) bool {
	switch c.Type {
	case schema.Integer, schema.BigInt, schema.Decimal, schema.Double, schema.Money, schema.Choice, schema.State, schema.Status:
		return true
	case schema.String, schema.Memo, schema.Boolean, schema.MultiChoice, schema.DateTime, schema.ID, schema.Lookup, schema.Customer, schema.Owner,
		schema.Image, schema.File:
	}
	return false
}
