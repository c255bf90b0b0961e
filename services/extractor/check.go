package extractor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// checkLimit is how long warehouse and environments may be asked before something is applied; what was not looked at by then
// is refused.
const checkLimit = 2 * time.Minute

// applyLimit is how long applying may take: the check, and storing.
const applyLimit = checkLimit + time.Minute

// checksAtOnce is how many environments are asked at a time.
const checksAtOnce = 4

// check holds what would change against the warehouse and the environments as they are now, and refuses what could not run, with
// all that stands in its way. A sync that stays as it is is not looked at, unless its environment changes. It names what was checked.
func (x *extractor) check(ctx context.Context, i intent, p propose) (checked map[string]bool, err error) {
	now, err := x.specs.Newest(ctx)
	if err != nil {
		return nil, err
	}
	if err := unseen(now, i.seen); err != nil {
		return nil, err
	}
	changes, resp, err := x.propose(ctx, now, p)
	if err != nil {
		return nil, err
	}
	if err := refuse(resp.GetRefused()); err != nil {
		return nil, err // nobody need be asked
	}
	checked = map[string]bool{}
	concerned := map[string]bool{}
	var syncs []spec.Sync
	_, after := folders(now, changes)
	for _, c := range changes {
		if c.same {
			continue
		}
		checked[c.name] = true
		switch d := c.document.(type) {
		case spec.Environment:
			concerned[d.Name] = true
			for _, s := range after.Syncs {
				if s.To.Environment == d.Name {
					syncs = append(syncs, s)
				}
			}
		case spec.Sync:
			if !concerned[d.To.Environment] { // environments come first, with all of their syncs
				syncs = append(syncs, d)
			}
		}
	}
	for _, s := range syncs {
		concerned[s.To.Environment] = true
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	problems, err := x.problems(ctx, after.Environments, syncs, concerned, i.tell)
	if err != nil || len(problems) == 0 {
		return checked, err
	}
	_ = problems.Err() // sorts them
	reasons := make([]string, len(problems))
	for i, p := range problems {
		reasons[i] = p.Error()
	}
	return nil, refuse(append(reasons, "nothing was stored; mend it, or store it all the same with --unchecked"))
}

// problems tests the environments that are concerned, several at a time, each with those of the syncs that are its own.
func (x *extractor) problems(
	ctx context.Context, environments []spec.Environment, syncs []spec.Sync, concerned map[string]bool, tell func(string),
) (all document.Problems, err error) {
	var testing sync.WaitGroup
	var mu sync.Mutex
	permits := make(chan struct{}, checksAtOnce)
	for _, e := range environments {
		if !concerned[e.Name] {
			continue
		}
		testing.Go(func() {
			permits <- struct{}{}
			defer func() { <-permits }()
			report, fault := x.look(ctx, environments, syncs, e.Name, tell)
			mu.Lock()
			defer mu.Unlock()
			if fault != nil {
				err = fault
				return
			}
			all = append(all, inTheWay(report, e, syncs)...)
		})
	}
	testing.Wait()
	return all, err
}

// inTheWay are the steps of a report that failed, each at the place where it is to be mended.
func inTheWay(r connection.Report, e spec.Environment, syncs []spec.Sync) (all document.Problems) {
	for _, step := range r.Steps {
		if step.State != connection.Failed {
			continue
		}
		of, at := "environment "+e.Name, e.At
		if step.At.File != "" {
			at = step.At
		}
		for _, s := range syncs {
			if s.To.Environment == e.Name && isAbout(step, s) {
				of, at = "sync "+s.String(), placeOf(step, s)
			}
		}
		saw := step.Saw
		if step.Code != "" {
			saw += " (" + step.Code + ")"
		}
		all = append(all, document.Problem{Position: at, What: fmt.Sprintf("%s: %s", of, saw), Mend: step.Do})
	}
	return all
}

// placeOf is where a sync's file says what a step found wanting: the column, or what is beside the table's name.
func placeOf(step connection.Step, s spec.Sync) document.Position {
	switch {
	case s.To.At.File != "" && (step.Name == "table" || step.Name == "key" || step.Name == "privileges"):
		return s.To.At
	case step.At.File != "":
		return step.At
	}
	return s.At
}

// unlike refuses changes that were not checked, because somebody else changed meanwhile what is applied.
func unlike(checked map[string]bool, changes []change) error {
	i := slices.IndexFunc(changes, func(c change) bool { return !c.same && !checked[c.name] })
	if i < 0 {
		return nil
	}
	v := changes[i].before
	return control.Refuse("conflict", "%s was changed by %s at %s, while this was being checked. Nothing was stored; apply again",
		label(changes[i].name), v.By, v.At.UTC().Format("15:04:05 MST"))
}
