package format

// Buildpack is a member of a group, in order.toml, group.toml, plan.toml and the image's label.
type Buildpack struct {
	ID       string `toml:"id" json:"id"`
	Version  string `toml:"version" json:"version"`
	API      string `toml:"api,omitempty" json:"-"`
	Homepage string `toml:"homepage,omitempty" json:"homepage,omitempty"`
	Optional bool   `toml:"optional,omitempty" json:"optional,omitempty"`
}

// String writes id@version.
func (b Buildpack) String() string { return b.ID + "@" + b.Version }

// Group is group.toml: the buildpacks that take part.
type Group struct {
	Group      []Buildpack `toml:"group"`
	Extensions []Buildpack `toml:"group-extensions,omitempty"`
}

// Order is order.toml: the groups to try, one after the other.
type Order struct {
	Order      []Group `toml:"order"`
	Extensions []Group `toml:"order-extensions"`
}

// System is system.toml of platform API 0.15.
type System struct {
	System struct {
		Pre  SystemBuildpacks `toml:"pre"`
		Post SystemBuildpacks `toml:"post"`
	} `toml:"system"`
}

// SystemBuildpacks are put before or behind every group.
type SystemBuildpacks struct {
	Buildpacks []Buildpack `toml:"buildpacks"`
}

// Descriptor is buildpack.toml.
type Descriptor struct {
	API       string         `toml:"api"`
	Buildpack BuildpackInfo  `toml:"buildpack"`
	Targets   []TargetFilter `toml:"targets"`
	Stacks    []struct {
		ID string `toml:"id"`
	} `toml:"stacks"`
	Order []Group `toml:"order"`
	Dir   string  `toml:"-"`
}

// BuildpackInfo is the table [buildpack] of buildpack.toml.
type BuildpackInfo struct {
	ID       string   `toml:"id"`
	Version  string   `toml:"version"`
	Name     string   `toml:"name"`
	Homepage string   `toml:"homepage"`
	ClearEnv bool     `toml:"clear-env"`
	SBOM     []string `toml:"sbom-formats"`
}

// TargetFilter is a system that a buildpack works on; empty fields match all.
type TargetFilter struct {
	OS      string   `toml:"os"`
	Arch    string   `toml:"arch"`
	Variant string   `toml:"arch-variant"`
	Distros []Distro `toml:"distros"`
}

// Plan is plan.toml: what buildpacks provide and require.
type Plan struct {
	Entries []PlanEntry `toml:"entries"`
}

// PlanEntry is one dependency with all that is asked of it.
type PlanEntry struct {
	Providers []Buildpack `toml:"providers"`
	Requires  []Require   `toml:"requires"`
}

// Require is something that a buildpack asks for.
type Require struct {
	Name     string         `toml:"name" json:"name"`
	Metadata map[string]any `toml:"metadata" json:"metadata"`
	Version  string         `toml:"version,omitempty" json:"version,omitempty"`
}

// Provide is something that a buildpack can give.
type Provide struct {
	Name string `toml:"name"`
}

// PlanSections is one alternative of the plan that bin/detect writes.
type PlanSections struct {
	Requires []Require `toml:"requires"`
	Provides []Provide `toml:"provides"`
}

// DetectPlan is the plan that bin/detect writes, with its alternatives.
type DetectPlan struct {
	PlanSections
	Or []PlanSections `toml:"or"`
}

// BuildpackPlan is the plan that bin/build reads: what is asked of this buildpack.
type BuildpackPlan struct {
	Entries []Require `toml:"entries"`
}

// For gives the entries that a buildpack is to fulfil.
func (p Plan) For(id string) BuildpackPlan {
	var plan BuildpackPlan
	for _, entry := range p.Entries {
		for _, provider := range entry.Providers {
			if provider.ID == id {
				plan.Entries = append(plan.Entries, entry.Requires...)
				break
			}
		}
	}
	return plan
}

// Without drops the entries that a buildpack has met.
func (p Plan) Without(met map[string]bool) Plan {
	var left Plan
	for _, entry := range p.Entries {
		if len(entry.Requires) > 0 && met[entry.Requires[0].Name] {
			continue
		}
		left.Entries = append(left.Entries, entry)
	}
	return left
}
