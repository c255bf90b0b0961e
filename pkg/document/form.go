package document

// A Form is what a value may be. A reader that is asked to ([Reader.Forms]) notes for each node as what it read it, so that a
// schema can be made of what the code does, and not of what somebody wrote down beside it.
type Form struct {
	Kind     Kind
	Words    []string // of Text: the only ones that it may be
	Pattern  string   // of Text: a regular expression that it matches; of Free: that its keys match
	Keys     []string // of Object
	Required []string // of Object: those that must be there
}

// A Kind is the outline of a form.
type Kind int

// The kinds.
const (
	AnyText   Kind = iota + 1
	Truth          // true or false
	Integer        // a whole number
	Natural        // a whole number of at least 0
	Decimal        // a number
	Scalar         // text, a number, true or false, or a list of these
	Object         // a mapping with known keys
	Free           // a mapping whose keys are anything
	OneOrMore      // a value, or a list of such
	Items          // a list
)

// Note says as what a node is read. It costs nothing unless somebody asked for it.
func (r *Reader) Note(n Node, f Form) {
	if r.Forms != nil {
		r.Forms[n] = append(r.Forms[n], f)
	}
}
