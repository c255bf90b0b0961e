package expression

import (
	"math"
	"math/bits"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
)

// nulls rewrites an expression whose types have been checked, so that NULL and overflow do what the package promises: a
// value that may be nil is tested where an operator or function needs it, and sums of whole numbers and of text are ours.
type nulls struct {
	columns []Column
	raised  bool // some value is tested: the whole may end as NULL
}

// The names of what is put into the expression; no expression can name them.
const (
	someText, someWhole, someNumber, someTruth, someOther = "§text", "§whole", "§number", "§truth", "§some"
	anyValue                                              = "§any"
	plus, minus, times, concatenate                       = "§plus", "§minus", "§times", "§concat"
)

// hidden are the functions behind these names.
func hidden() []expr.Option {
	some := func(args ...any) (any, error) {
		if args[0] == nil {
			return nil, errNull
		}
		return args[0], nil
	}
	same := func(args ...any) (any, error) { return args[0], nil }
	whole := func(op func(a, b int) (int, bool)) func(...any) (any, error) {
		return func(args ...any) (any, error) {
			v, ok := op(args[0].(int), args[1].(int))
			if !ok {
				return nil, failure("a whole number goes beyond 64 bits")
			}
			return v, nil
		}
	}
	return []expr.Option{
		expr.Function(someText, some, new(func(string) string)),
		expr.Function(someWhole, some, new(func(int) int)),
		expr.Function(someNumber, some, new(func(float64) float64)),
		expr.Function(someTruth, some, new(func(bool) bool)),
		expr.Function(someOther, some),
		expr.Function(anyValue, same),
		expr.Function(plus, whole(func(a, b int) (int, bool) { return a + b, (a+b > a) == (b > 0) }), new(func(int, int) int)),
		expr.Function(minus, whole(func(a, b int) (int, bool) { return a - b, (a-b < a) == (b > 0) }), new(func(int, int) int)),
		expr.Function(times, whole(multiply), new(func(int, int) int)),
		expr.Function(concatenate, func(args ...any) (any, error) { return bounded(args[0].(string) + args[1].(string)) }, new(func(string, string) string)),
	}
}

func multiply(a, b int) (int, bool) {
	negative := (a < 0) != (b < 0)
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high > 0 || low > 1<<63 || low == 1<<63 && !negative {
		return 0, false
	}
	return a * b, true
}

func magnitude(a int) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// nilable reports whether a node can be nil. What operators and functions make never is.
func (n *nulls) nilable(node ast.Node) bool {
	switch node := node.(type) {
	case *ast.NilNode:
		return true
	case *ast.IdentifierNode:
		return slices.ContainsFunc(n.columns, func(c Column) bool { return c.Nullable && (c.Name == node.Value || key(c.Name) == node.Value) })
	case *ast.ConditionalNode:
		return n.nilable(node.Exp1) || n.nilable(node.Exp2)
	case *ast.BinaryNode:
		return node.Operator == "??" && n.nilable(node.Right)
	}
	return false
}

// Visit rewrites one node; those below it have been rewritten.
func (n *nulls) Visit(node *ast.Node) {
	switch at := (*node).(type) {
	case *ast.UnaryNode:
		n.need(&at.Node)
		if at.Operator == "-" && typeOf(at.Node.Type()) == Whole {
			if _, literal := at.Node.(*ast.IntegerNode); !literal {
				zero := &ast.IntegerNode{}
				zero.SetType(reflect.TypeFor[int]())
				replace(node, minus, reflect.TypeFor[int](), zero, at.Node)
			}
		}
	case *ast.ConditionalNode:
		n.need(&at.Cond)
	case *ast.CallNode:
		for i := range at.Arguments {
			n.need(&at.Arguments[i])
		}
	case *ast.MemberNode:
		n.need(&at.Property)
	case *ast.ArrayNode:
		for i := range at.Nodes {
			n.need(&at.Nodes[i])
		}
	case *ast.BinaryNode:
		n.binary(node, at)
	}
}

func (n *nulls) binary(node *ast.Node, at *ast.BinaryNode) {
	switch at.Operator {
	case "??":
		return
	case "==", "!=", "in":
		// The library compares values of one type without looking for nil.
		for _, side := range []*ast.Node{&at.Left, &at.Right} {
			if _, null := (*side).(*ast.NilNode); !null && n.nilable(*side) {
				replace(side, anyValue, reflect.TypeFor[any](), *side)
			}
		}
		return
	}
	n.need(&at.Left)
	n.need(&at.Right)
	left, right := typeOf(at.Left.Type()), typeOf(at.Right.Type())
	switch name := map[string]string{"+": plus, "-": minus, "*": times}[at.Operator]; {
	case name != "" && left == Whole && right == Whole:
		replace(node, name, reflect.TypeFor[int](), at.Left, at.Right)
	case name == plus && left == Text && right == Text:
		replace(node, concatenate, reflect.TypeFor[string](), at.Left, at.Right)
	}
}

// need makes the whole expression NULL where this value is.
func (n *nulls) need(node *ast.Node) {
	if !n.nilable(*node) {
		return
	}
	n.raised = true
	t := (*node).Type()
	name := [...]string{someOther, someText, someWhole, someNumber, someTruth}[typeOf(t)]
	replace(node, name, t, *node)
}

// replace puts a call in the place of a node.
func replace(node *ast.Node, name string, t reflect.Type, args ...ast.Node) {
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
	ast.Patch(node, call)
	call.SetType(t)
}

// number is a number of the library's, whole or not.
func number(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return math.NaN()
}
