package format

// Analyzed is analyzed.toml: what is known of the previous image and the run image.
type Analyzed struct {
	Previous *ImageRef      `toml:"image,omitempty"`
	Layers   LayersMetadata `toml:"metadata"`
	RunImage *RunImage      `toml:"run-image,omitempty"`
}

// PreviousRef gives the previous image by digest, or nothing.
func (a Analyzed) PreviousRef() string {
	if a.Previous == nil {
		return ""
	}
	return a.Previous.Reference
}

// Target gives what the run image says of its system.
func (a Analyzed) Target() Target {
	if a.RunImage == nil || a.RunImage.Target == nil {
		return Target{}
	}
	return *a.RunImage.Target
}

// ImageRef names an image by digest.
type ImageRef struct {
	Reference string `toml:"reference"`
}

// RunImage is the image that the app's layers are put upon.
type RunImage struct {
	Reference string  `toml:"reference"`
	Image     string  `toml:"image,omitempty"`
	Extend    bool    `toml:"extend,omitempty"`
	Target    *Target `toml:"target,omitempty"`
}

// Target is the system that an image is for.
type Target struct {
	ID      string  `toml:"id,omitempty"`
	OS      string  `toml:"os"`
	Arch    string  `toml:"arch"`
	Variant string  `toml:"arch-variant,omitempty"`
	Distro  *Distro `toml:"distro,omitempty"`
}

// Distro is a distribution of an operating system.
type Distro struct {
	Name    string `toml:"name"`
	Version string `toml:"version"`
}

// LayersMetadata is the label io.buildpacks.lifecycle.metadata: which layer of an image holds what.
type LayersMetadata struct {
	App          []SHA             `json:"app" toml:"app"`
	SBOM         *SHA              `json:"sbom,omitempty" toml:"sbom,omitempty"`
	Buildpacks   []BuildpackLayers `json:"buildpacks" toml:"buildpacks"`
	Config       SHA               `json:"config" toml:"config"`
	Launcher     SHA               `json:"launcher" toml:"launcher"`
	ProcessTypes SHA               `json:"process-types" toml:"process-types"`
	RunImage     RunImageMetadata  `json:"runImage" toml:"run-image"`
	Stack        *Stack            `json:"stack,omitempty" toml:"stack,omitempty"`
}

// For gives the layers of one buildpack.
func (m LayersMetadata) For(id string) BuildpackLayers { return find(m.Buildpacks, id) }

// CacheMetadata is the label io.buildpacks.lifecycle.cache.metadata of a cache image, or the file of that name in a cache directory.
type CacheMetadata struct {
	SBOM       SHA               `json:"sbom"`
	Buildpacks []BuildpackLayers `json:"buildpacks"`
}

// For gives the cached layers of one buildpack.
func (m CacheMetadata) For(id string) BuildpackLayers { return find(m.Buildpacks, id) }

func find(all []BuildpackLayers, id string) BuildpackLayers {
	for _, one := range all {
		if one.ID == id {
			return one
		}
	}
	return BuildpackLayers{}
}

// SHA is the diff id of a layer.
type SHA struct {
	SHA string `json:"sha" toml:"sha"`
}

// BuildpackLayers are the layers that one buildpack made.
type BuildpackLayers struct {
	ID      string                   `json:"key" toml:"key"`
	Version string                   `json:"version" toml:"version"`
	Layers  map[string]LayerMetadata `json:"layers" toml:"layers"`
	Store   *Store                   `json:"store,omitempty" toml:"store"`
}

// Store is store.toml: what a buildpack wants to remember for the next build.
type Store struct {
	Data map[string]any `json:"metadata" toml:"metadata"`
}

// LayerMetadata is what <layer>.toml said, and the diff id of its contents.
type LayerMetadata struct {
	SHA string `json:"sha" toml:"sha"`
	LayerTypes
}

// LayerTypes is what a layer is for, and what the buildpack wrote down about it.
type LayerTypes struct {
	Data   any  `json:"data" toml:"metadata"`
	Build  bool `json:"build" toml:"build"`
	Launch bool `json:"launch" toml:"launch"`
	Cache  bool `json:"cache" toml:"cache"`
}

// RunImageMetadata lets a rebase find the seam between run image and app.
type RunImageMetadata struct {
	TopLayer  string `json:"topLayer" toml:"top-layer"`
	Reference string `json:"reference" toml:"reference"`
	ImageMirrors
}

// Stack is stack.toml, and the older form of RunImageMetadata.
type Stack struct {
	RunImage ImageMirrors `json:"runImage" toml:"run-image"`
}

// ImageMirrors is one entry of run.toml.
type ImageMirrors struct {
	Image   string   `json:"image,omitempty" toml:"image,omitempty"`
	Mirrors []string `json:"mirrors,omitempty" toml:"mirrors,omitempty"`
}

// Run is run.toml: the run images that the builder knows.
type Run struct {
	Images []ImageMirrors `toml:"images"`
}
