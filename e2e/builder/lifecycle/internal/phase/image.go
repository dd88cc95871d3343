package phase

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
	"epinio.io/e2e/builder/lifecycle/internal/registry"
)

// appImage grows from the run image layer by layer.
type appImage struct {
	working  v1.Image
	previous v1.Image
	created  time.Time
	history  bool
}

func (a *appImage) add(packed layer.Layer) error {
	content, err := tarball.LayerFromFile(packed.Path)
	if err != nil {
		return err
	}
	return a.append(content, packed.CreatedBy)
}

func (a *appImage) reuse(diffID, createdBy string) error {
	if a.previous == nil {
		return errors.New("failed to reuse layer because no previous image was provided")
	}
	hash, err := v1.NewHash(diffID)
	if err != nil {
		return err
	}
	content, err := a.previous.LayerByDiffID(hash)
	if err != nil {
		return fmt.Errorf("failed to get layer by diffID: %w", err)
	}
	return a.append(content, createdBy)
}

func (a *appImage) append(content v1.Layer, createdBy string) error {
	image, err := mutate.Append(a.working, mutate.Addendum{Layer: content, History: v1.History{CreatedBy: createdBy}})
	if err != nil {
		return err
	}
	a.working = image
	return nil
}

// retryAfter are the pauses between tries to open the run image, which a registry under load may refuse for a moment.
var retryAfter = []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}

func (e *exporter) openImage() error {
	e.image = &appImage{created: e.created(), history: e.in.API.AtLeast(12)}
	previous := e.analyzed.PreviousRef()
	if previous != "" {
		e.log.Infof("Reusing layers from image '%s'", previous)
	}
	for attempt := 0; ; attempt++ {
		err := e.tryOpen(previous)
		if err == nil {
			return nil
		}
		if attempt == len(retryAfter) || refused(err) {
			return cli.Fail(cli.CodeFailed, "create new app image", err)
		}
		e.log.Warnf("Failed to open remote image (attempt %d/%d): %v, retrying in %v", attempt+1, len(retryAfter)+1, err, retryAfter[attempt])
		time.Sleep(retryAfter[attempt])
	}
}

func (e *exporter) tryOpen(previous string) error {
	var err error
	if previous != "" {
		if e.image.previous, err = e.client.Open(previous); err != nil {
			return err
		}
	}
	run, err := e.client.Open(e.runImage)
	if err != nil {
		return err
	}
	if _, err := topLayer(run); err != nil {
		return err
	}
	// History of empty layers (ENV, USER, …) goes: it would have to be told apart from that of layers for ever after.
	e.image.working, err = changeConfig(run, func(config *v1.ConfigFile) { config.History = historyOf(config) })
	return err
}

func historyOf(config *v1.ConfigFile) []v1.History {
	kept := []v1.History{}
	for _, one := range config.History {
		if !one.EmptyLayer {
			kept = append(kept, one)
		}
	}
	if len(kept) != len(config.RootFS.DiffIDs) {
		return make([]v1.History, len(config.RootFS.DiffIDs))
	}
	return kept
}

// refused: another try will not make credentials better.
func refused(err error) bool {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusTooManyRequests:
		return true
	default:
		return false
	}
}

func topLayer(image v1.Image) (string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	diffIDs := config.RootFS.DiffIDs
	if len(diffIDs) == 0 {
		return "", errors.New("image has no layers")
	}
	return diffIDs[len(diffIDs)-1].String(), nil
}

func (e *exporter) created() time.Time {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" || !e.in.API.AtLeast(9) {
		return layer.Epoch
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		e.log.Warnf("Ignoring invalid SOURCE_DATE_EPOCH")
		return layer.Epoch
	}
	return time.Unix(seconds, 0).UTC()
}

// runImageMetadata is what a later rebase needs to know.
func (e *exporter) runImageMetadata() (format.LayersMetadata, error) {
	var made format.LayersMetadata
	var err error
	if made.RunImage.TopLayer, err = topLayer(e.image.working); err != nil {
		return made, fmt.Errorf("get run image top layer SHA: %w", err)
	}
	run, err := e.client.Open(e.runImage)
	if err != nil {
		return made, err
	}
	if made.RunImage.Reference, err = registry.DigestRef(e.runImage, run); err != nil {
		return made, err
	}
	if e.in.API.AtLeast(12) {
		made.RunImage.ImageMirrors = e.mirrors
	}
	made.Stack = &format.Stack{RunImage: e.mirrors}
	return made, nil
}

// findMirrors looks up what the builder says of the run image: where else it can be had.
func (e *exporter) findMirrors() (format.ImageMirrors, error) {
	if !e.in.API.AtLeast(12) {
		stack, err := e.readStack()
		return stack.RunImage, err
	}
	run, err := e.readRun()
	if err != nil || len(run.Images) == 0 {
		return format.ImageMirrors{}, err
	}
	for _, entry := range run.Images {
		if lists(entry, e.analyzed.RunImage.Image) {
			return entry, nil
		}
	}
	return run.Images[0], nil
}

// configure sets what a runtime and a platform read.
func (e *exporter) configure(made format.LayersMetadata) error {
	e.metadata.Launcher.Version = cli.Version
	labels, err := e.labels(made)
	if err != nil {
		return err
	}
	for _, label := range labels {
		e.log.Infof("Adding label '%s'", label.Key)
	}
	entrypoint, err := e.entrypoint()
	if err != nil {
		return fmt.Errorf("determining entrypoint: %w", err)
	}
	e.image.working, err = changeConfig(e.image.working, func(config *v1.ConfigFile) {
		config.Created, config.Container = v1.Time{Time: e.image.created}, ""
		config.History = historyOf(config)
		for i := range config.History {
			if !e.image.history {
				config.History[i] = v1.History{}
			}
			config.History[i].Created = v1.Time{Time: e.image.created}
		}
		config.Config.Entrypoint, config.Config.Cmd, config.Config.WorkingDir = []string{entrypoint}, nil, e.in.AppDir
		config.Config.Env = e.environment(config.Config.Env)
		if config.Config.Labels == nil {
			config.Config.Labels = map[string]string{}
		}
		for _, label := range labels {
			config.Config.Labels[label.Key] = label.Value
		}
	})
	return err
}

func (e *exporter) labels(made format.LayersMetadata) ([]format.Label, error) {
	labels := []format.Label{}
	var build any = e.metadata
	if !e.in.API.AtLeast(9) {
		// The list of dependencies that was here before SBOM files; nobody makes one any more.
		build = struct {
			BOM []any `json:"bom"`
			format.BuildMetadata
		}{nil, e.metadata}
	}
	for _, one := range []struct {
		key   string
		value any
	}{{lifecycleLabel, made}, {buildLabel, build}, {projectLabel, e.project}} {
		text, err := json.Marshal(one.value)
		if err != nil {
			return nil, err
		}
		labels = append(labels, format.Label{Key: one.key, Value: string(text)})
	}
	labels = append(labels, e.metadata.Labels...)
	if e.in.API.AtLeast(15) && e.in.ExecEnv != "" {
		labels = append(labels, format.Label{Key: execEnvLabel, Value: e.in.ExecEnv})
	}
	return labels, nil
}

func (e *exporter) environment(existing []string) []string {
	path := ""
	for _, pair := range existing {
		if value, found := strings.CutPrefix(pair, "PATH="); found {
			path = value
		}
	}
	all := append([]string{}, existing...)
	for _, pair := range []string{
		"CNB_LAYERS_DIR=" + e.in.LayersDir, "CNB_APP_DIR=" + e.in.AppDir, "CNB_PLATFORM_API=" + e.in.API.String(),
		"CNB_DEPRECATION_MODE=quiet", "PATH=/cnb/process:/cnb/lifecycle:" + path,
	} {
		all = setVariable(all, pair)
	}
	return all
}

func setVariable(all []string, pair string) []string {
	name, _, _ := strings.Cut(pair, "=")
	for i, old := range all {
		if strings.HasPrefix(old, name+"=") {
			all[i] = pair
			return all
		}
	}
	return append(all, pair)
}
