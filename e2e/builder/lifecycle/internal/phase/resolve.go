package phase

import (
	"fmt"
	"sort"

	"epinio.io/e2e/builder/lifecycle/internal/format"
)

// candidate is a buildpack that passed, with the alternatives of its plan in the order of its liking.
type candidate struct {
	format.Buildpack
	plans []format.PlanSections
}

// choice is one alternative of a candidate.
type choice struct {
	format.Buildpack
	format.PlanSections
}

// resolvePlan tries the alternatives of all candidates, earlier ones first, until in one combination everything required is provided and everything provided is required.
// A candidate is optional only with its last alternative, so that the others are not given up too early.
func resolvePlan(candidates []candidate, note func(string)) ([]format.Buildpack, format.Plan, bool) {
	tries := 0
	return tryFrom(candidates, nil, &tries, note)
}

func tryFrom(rest []candidate, chosen []choice, tries *int, note func(string)) ([]format.Buildpack, format.Plan, bool) {
	if len(rest) == 0 {
		*tries++
		note(fmt.Sprintf("Resolving plan... (try #%d)", *tries))
		return settle(chosen, note)
	}
	for i, sections := range rest[0].plans {
		option := choice{rest[0].Buildpack, sections}
		option.Optional = option.Optional && i == len(rest[0].plans)-1
		longer := append(append([]choice{}, chosen...), option)
		if group, plan, ok := tryFrom(rest[1:], longer, tries, note); ok {
			return group, plan, true
		}
	}
	return nil, format.Plan{}, false
}

// settle drops optional members with unmet needs or unwanted offers until none is left that has any.
func settle(chosen []choice, note func(string)) ([]format.Buildpack, format.Plan, bool) {
	for {
		entries, unmet := connect(chosen)
		if len(unmet) == 0 {
			if len(chosen) == 0 {
				note("fail: no viable buildpacks in group")
				return nil, format.Plan{}, false
			}
			return members(chosen), format.Plan{Entries: entries}, true
		}
		for _, problem := range unmet {
			if !problem.member.Optional {
				note(fmt.Sprintf("fail: %s %s", problem.member, problem.what))
				return nil, format.Plan{}, false
			}
			note(fmt.Sprintf("skip: %s %s", problem.member, problem.what))
			chosen = remove(chosen, problem.member)
		}
	}
}

type problem struct {
	member format.Buildpack
	what   string
}

// connect links requirements to those who provide them in the same place or earlier in the group.
func connect(chosen []choice) ([]format.PlanEntry, []problem) {
	type dependency struct {
		entry   format.PlanEntry
		waiting []format.Buildpack // provide it, but nobody has asked yet
	}
	known, unmet := map[string]*dependency{}, []problem{}
	get := func(name string) *dependency {
		if known[name] == nil {
			known[name] = &dependency{}
		}
		return known[name]
	}
	for _, one := range chosen {
		for _, provide := range one.Provides {
			dep := get(provide.Name)
			dep.waiting = append(dep.waiting, one.Buildpack)
		}
		for _, require := range one.Requires {
			dep := get(require.Name)
			dep.entry.Providers = append(dep.entry.Providers, dep.waiting...)
			dep.waiting = nil
			if len(dep.entry.Providers) == 0 {
				unmet = append(unmet, problem{one.Buildpack, "requires " + require.Name})
				continue
			}
			dep.entry.Requires = append(dep.entry.Requires, require)
		}
	}
	names := []string{}
	for name := range known {
		names = append(names, name)
	}
	sort.Strings(names)
	var entries []format.PlanEntry
	for _, name := range names {
		dep := known[name]
		for _, provider := range dep.waiting {
			unmet = append(unmet, problem{provider, "provides unused " + name})
		}
		for i := range dep.entry.Providers {
			dep.entry.Providers[i] = format.Buildpack{ID: dep.entry.Providers[i].ID, Version: dep.entry.Providers[i].Version}
		}
		entries = append(entries, dep.entry)
	}
	return entries, unmet
}

func members(chosen []choice) []format.Buildpack {
	group := make([]format.Buildpack, len(chosen))
	for i, one := range chosen {
		group[i] = one.Buildpack
		group[i].Optional = false
	}
	return group
}

func remove(chosen []choice, member format.Buildpack) []choice {
	kept := []choice{}
	for _, one := range chosen {
		if one.Buildpack != member {
			kept = append(kept, one)
		}
	}
	return kept
}
