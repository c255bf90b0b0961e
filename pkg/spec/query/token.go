package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A kind of token. Comments and blanks are none.
type kind int

const (
	word kind = iota // a keyword or a name without quotes
	name             // a name in quotes
	text             // 'text', or a heredoc
	number
	sign       // one character that is none of these
	unfinished // what begins and does not end: a comment, or something in quotes
)

// A token is a piece of SQL.
type token struct {
	kind kind
	at   int // in bytes
	text string
}

// is reports whether a token is a word, in any case, or a sign.
func (t token) is(s string) bool {
	return t.kind == word && strings.EqualFold(t.text, s) || t.kind == sign && t.text == s
}

// tokens cuts SQL as ClickHouse's lexer does: text in ‘typographic’ quotes, heredocs and nested comments included.
func tokens(sql string) []token {
	var all []token
	for at := 0; at < len(sql); {
		k, size := next(sql[at:])
		if k >= 0 {
			all = append(all, token{k, at, sql[at : at+size]})
		}
		at += size
	}
	return all
}

const none kind = -1

// next is the first token of s, which is not empty, and its length. It is none for blanks and comments.
func next(s string) (kind, int) {
	c, size := utf8.DecodeRuneInString(s)
	switch {
	case unicode.IsSpace(c) || c == '\uFEFF' || c == 0:
		return none, size
	case strings.HasPrefix(s, "--"), strings.HasPrefix(s, "# "), strings.HasPrefix(s, "#!"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return none, end
		}
		return none, len(s)
	case strings.HasPrefix(s, "/*"):
		return comment(s)
	case c == '\'':
		return quoted(s, text)
	case c == '"' || c == '`':
		return quoted(s, name)
	case c == '‘' || c == '“':
		closing, k := "’", text
		if c == '“' {
			closing, k = "”", name
		}
		if end := strings.Index(s, closing); end >= 0 {
			return k, end + len(closing)
		}
	case c == '$':
		return heredoc(s)
	case c >= '0' && c <= '9':
		return number, digits(s)
	case letter(c):
		return word, letters(s)
	}
	return sign, size
}

func letter(c rune) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf && unicode.IsLetter(c)
}

func letters(s string) int {
	for i, c := range s {
		if !letter(c) && (c < '0' || c > '9') && c != '$' {
			return i
		}
	}
	return len(s)
}

// digits is the length of what begins as a number: 1, 1.5e-3, 0xFF, 1_000; and of 2024_visits, which is a name.
func digits(s string) int {
	i := letters(s)
	if i < len(s) && s[i] == '.' && !strings.HasPrefix(s[i:], "..") {
		i++
		i += letters(s[i:])
	}
	if i < len(s) && (s[i] == '-' || s[i] == '+') && strings.ContainsRune("eE", rune(s[i-1])) && !strings.HasPrefix(s, "0x") {
		i++
		i += letters(s[i:])
	}
	return i
}

// quoted is what stands in quotes. A quote in it is doubled, or has a backslash before it.
func quoted(s string, k kind) (kind, int) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			if i+1 < len(s) && s[i+1] == s[0] {
				i++
				continue
			}
			return k, i + 1
		}
	}
	return unfinished, len(s)
}

// comment is what stands between /* and */, other comments included.
func comment(s string) (kind, int) {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return none, i + 1
		}
	}
	return unfinished, len(s)
}

// heredoc is $tag$ text $tag$. A lone $ is a sign.
func heredoc(s string) (kind, int) {
	end := 1 + letters(s[1:])
	if i := strings.IndexByte(s[1:], '$'); i >= 0 && i+1 <= end { // letters takes $ too
		tag := s[:i+2]
		if close := strings.Index(s[len(tag):], tag); close >= 0 {
			return text, len(tag) + close + len(tag)
		}
	}
	return sign, 1
}
