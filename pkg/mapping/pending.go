package mapping

import "github.com/penstock-sync/penstock/pkg/spec"

// pending reports what the files can say and this package does not do yet.
func (c *compiler) pending(f spec.Field) bool {
	for what, asked := range map[string]bool{
		"const": f.Const != "", "expr": f.Expr != "", "template": f.Template != "",
	} {
		if asked {
			c.report(f, f.From, what+" cannot be done yet", "give the value in the model")
			return true
		}
	}
	return false
}
