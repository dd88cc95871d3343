package phase

import (
	"reflect"
	"testing"

	"epinio.io/e2e/builder/lifecycle/internal/format"
)

func member(id string, optional bool, plans ...format.PlanSections) candidate {
	if len(plans) == 0 {
		plans = []format.PlanSections{{}}
	}
	return candidate{format.Buildpack{ID: id, Version: "1", Optional: optional}, plans}
}

func plan(provides, requires string) format.PlanSections {
	var sections format.PlanSections
	if provides != "" {
		sections.Provides = []format.Provide{{Name: provides}}
	}
	if requires != "" {
		sections.Requires = []format.Require{{Name: requires}}
	}
	return sections
}

func TestAGroupIsChosenByWhatItsMembersProvideAndRequire(t *testing.T) {
	cases := []struct {
		name  string
		group []candidate
		want  []string // nil: no group
	}{
		{"nobody asks for anything", []candidate{member("a", false), member("b", true)}, []string{"a", "b"}},
		{"what is required is provided", []candidate{member("a", false, plan("x", "")), member("b", false, plan("", "x"))}, []string{"a", "b"}},
		{"one may provide for itself", []candidate{member("a", false, plan("x", "x"))}, []string{"a"}},
		{"a need comes before who meets it", []candidate{member("a", false, plan("", "x")), member("b", false, plan("x", ""))}, nil},
		{"an unmet need of an optional member drops it", []candidate{member("a", true, plan("", "x")), member("b", false)}, []string{"b"}},
		{"an unwanted offer drops an optional member", []candidate{member("a", true, plan("x", "")), member("b", false)}, []string{"b"}},
		{"an unwanted offer of a needed member fails", []candidate{member("a", false, plan("x", ""))}, nil},
		{"the second alternative is tried", []candidate{member("a", false, plan("x", ""), plan("y", "")), member("b", false, plan("", "y"))}, []string{"a", "b"}},
		{"dropping one can strand another", []candidate{member("a", true, plan("x", "none")), member("b", true, plan("", "x")), member("c", false)}, []string{"c"}},
		{"nobody is left", []candidate{member("a", true, plan("", "x"))}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			group, _, ok := resolvePlan(c.group, func(string) {})
			var got []string
			for _, one := range group {
				got = append(got, one.ID)
			}
			if ok != (c.want != nil) || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
}

func TestThePlanNamesWhoIsToProvideWhat(t *testing.T) {
	_, got, _ := resolvePlan([]candidate{member("a", false, plan("x", "")), member("b", false, plan("", "x"))}, func(string) {})
	want := format.Plan{Entries: []format.PlanEntry{{
		Providers: []format.Buildpack{{ID: "a", Version: "1"}},
		Requires:  []format.Require{{Name: "x"}},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}
