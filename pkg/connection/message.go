package connection

import (
	"google.golang.org/protobuf/types/known/durationpb"

	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// Message is the report as control calls carry it.
func (r Report) Message() *penstockv1.TestConnectionResponse {
	m := &penstockv1.TestConnectionResponse{Environment: r.Environment, Url: r.URL}
	for _, s := range r.Steps {
		m.Steps = append(m.Steps, s.Message())
	}
	return m
}

// Message is the step as control calls carry it.
func (s Step) Message() *penstockv1.TestStep {
	m := &penstockv1.TestStep{
		Name: s.Name, About: s.About, State: string(s.State), Saw: s.Saw, Do: s.Do, Code: s.Code, Elapsed: durationpb.New(s.Elapsed),
	}
	if s.At.File != "" {
		m.At = s.At.String()
	}
	return m
}
