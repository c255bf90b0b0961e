package security

import (
	"fmt"
	"strings"
)

// Depth is how far a privilege reaches, from the rows that one owns to all rows of the organisation.
type Depth uint8

// The depths, in their order; each includes those before it. None is not to have the privilege.
const (
	None   Depth = iota
	Basic        // rows that the user, or the team that gives the privilege, owns
	Local        // rows of the business unit
	Deep         // rows of the business unit and those below it
	Global       // all rows
)

var depths = [...]string{"None", "Basic", "Local", "Deep", "Global"} //nolint:gochecknoglobals // constant table

// String returns the depth as RetrieveUserPrivileges spells it.
func (d Depth) String() string {
	if int(d) >= len(depths) {
		return "None"
	}
	return depths[d]
}

// ParseDepth reads None, Basic, Local, Deep or Global, in any case.
func ParseDepth(text string) (Depth, error) {
	for i, name := range depths {
		if strings.EqualFold(name, text) {
			return Depth(i), nil
		}
	}
	return None, fmt.Errorf("security: %q is no depth; use one of %s", text, strings.Join(depths[:], ", "))
}

// MarshalText returns the depth's name.
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDepth, for YAML and JSON.
func (d *Depth) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDepth(string(text))
	return err
}
