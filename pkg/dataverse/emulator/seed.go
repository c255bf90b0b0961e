package emulator

import "fmt"

// Seed makes n contacts, and an account for each ten of them, with keys from externaluseridentifier='C-00000000' and accountnumber='A-0000000' on.
// They are the same in every run, and owned by the first application user. It does nothing where the tables or columns are not there.
func (s *Server) Seed(n int) {
	first := [...]string{"Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Alan", "Radia", "Tony", "Katherine"}
	last := [...]string{"Lovelace", "Hopper", "Dijkstra", "Liskov", "Knuth", "Allen", "Turing", "Perlman", "Hoare", "Johnson", "Hamilton"}
	s.change.RLock()
	defer s.change.RUnlock()
	text := func(format string, args ...any) []byte { return quoted(fmt.Sprintf(format, args...)) }
	owner := quoted(s.identities.all()[0].id.String())
	put := func(name string, i int, values Row) {
		values["statecode"], values["statuscode"], values["ownerid"] = []byte("0"), []byte("1"), owner
		s.place(name, derived(name, fmt.Sprint(i)), values)
	}
	for i := range (n + 9) / 10 {
		put("account", i, Row{"accountnumber": text("A-%07d", i), "name": text("%s %s Ltd", last[i%len(last)], first[i%len(first)])})
	}
	for i := range n {
		put("contact", i, Row{
			"externaluseridentifier": text("C-%08d", i), "firstname": text("%s", first[i%len(first)]), "lastname": text("%s", last[i%len(last)]),
			"emailaddress1": text("c%d@example.org", i),
		})
	}
}
