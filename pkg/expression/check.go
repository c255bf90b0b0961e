package expression

import (
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A checker refuses what the library knows and expressions may not have, and gathers the columns that are read.
type checker struct {
	text    string
	columns []Column
	used    []string
	callees map[ast.Node]bool // names that are called
	problem *Problem
}

// callees gathers what is called, which the library visits like columns.
type callees map[ast.Node]bool

// Visit looks at one node.
func (c callees) Visit(node *ast.Node) {
	if call, ok := (*node).(*ast.CallNode); ok {
		c[call.Callee] = true
	}
}

// Visit looks at one node; the nodes below it have been looked at.
func (c *checker) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.UnaryNode, *ast.ConditionalNode, *ast.ArrayNode:
	case *ast.IdentifierNode:
		c.identifier(n)
	case *ast.CallNode:
		c.call(n)
	case *ast.BinaryNode:
		c.binary(n)
	case *ast.MemberNode:
		if _, ok := n.Property.(*ast.StringNode); ok || n.Optional || n.Method {
			c.refuse(n, "a column has no parts", "columns stand alone: name, not row.name; a name that is no identifier is renamed in the model: SELECT … AS name")
		}
	case *ast.BuiltinNode:
		c.unknown(n, n.Name)
	case *ast.SliceNode:
		c.refuse(n, "text and lists cannot be sliced", "write left(text, n), right(text, n) or mid(text, from, n)")
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		c.refuse(n, "an expression is one value: let and ; cannot be used", "compute parts of it in the model")
	default:
		c.refuse(n, "expressions have no maps, loops or predicates", "compute the value in the model")
	}
}

func (c *checker) report(at ast.Node, what, mend string) {
	if c.problem == nil {
		c.problem = locate(c.text, at.Location().From)
		c.problem.What, c.problem.Mend = what, mend
	}
}

// refuse reports what expressions do not have, rather than names that only make sense within it.
func (c *checker) refuse(at ast.Node, what, mend string) {
	c.problem = nil
	c.report(at, what, mend)
}

// identifier notes a column.
func (c *checker) identifier(n *ast.IdentifierNode) {
	switch {
	case c.callees[n], slices.Contains(c.used, n.Value):
	case n.Value == "$env":
		c.report(n, "$env cannot be used", "name the column")
	case c.columns != nil && !slices.ContainsFunc(c.columns, func(col Column) bool { return col.Name == n.Value }):
		c.unknown(n, n.Value)
	default:
		c.used = append(c.used, n.Value)
	}
}

// unknown says what a name that nobody knows may have meant.
func (c *checker) unknown(n ast.Node, name string) {
	if isFunction(name) {
		c.report(n, name+" is a function", "call it: "+name+"(…)")
		return
	}
	var columns, functions []string
	for _, col := range c.columns {
		columns = append(columns, col.Name)
	}
	for _, f := range Functions() {
		functions = append(functions, f.Name)
	}
	if near := document.Nearest(name, append(slices.Clone(functions), columns...)); near != "" {
		c.report(n, "there is no column or function "+name, "did you mean "+near+"?")
		return
	}
	c.report(n, "there is no column or function "+name, "the columns are "+strings.Join(columns, ", ")+"; the functions are "+strings.Join(functions, ", "))
}

func (c *checker) call(n *ast.CallNode) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		c.report(n, "only functions can be called", "write upper(name), not name.upper()")
		return
	}
	if !isFunction(id.Value) {
		c.unknown(id, id.Value)
	}
}

func (c *checker) binary(n *ast.BinaryNode) {
	switch n.Operator {
	case "..":
		c.report(n, "ranges cannot be used", "compare with >= and <=")
	case "matches":
		pattern, ok := n.Right.(*ast.StringNode)
		if !ok {
			c.report(n.Right, "the pattern of matches must be written out", "write it in quotes")
			return
		}
		if re, err := syntax.Parse(pattern.Value, syntax.Perl); err == nil {
			if prog, err := syntax.Compile(re.Simplify()); err == nil && len(prog.Inst) > maxPattern {
				c.report(n.Right, "the pattern is too large", "use smaller repeats")
			}
		}
	case "??":
		switch left := n.Left.(type) {
		case *ast.IdentifierNode, *ast.NilNode, *ast.ConditionalNode:
			return
		case *ast.BinaryNode:
			if left.Operator == "??" {
				return
			}
		}
		c.report(n, "what stands before ?? is never nil: what is computed from NULL is NULL as a whole, and ends the expression",
			"put ?? behind the column: upper(name ?? '')")
	}
}

// namesakes renames columns that have the name of a function, which the library would call.
type namesakes struct{}

// Visit renames one node. What is called is visited before it is known to be called.
func (namesakes) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		n.Value = key(n.Value)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			callee.Value = strings.TrimPrefix(callee.Value, columnMark)
		}
	}
}

const columnMark = "§column "

// key is what a column is called within the library.
func key(column string) string {
	if isFunction(column) {
		return columnMark + column
	}
	return column
}

func isFunction(name string) bool {
	_, found := slices.BinarySearchFunc(functions, name, func(f Function, name string) int { return strings.Compare(f.Name, name) })
	return found
}
