// The launcher is the entry point of every image: /cnb/process/TYPE is a link to it.
package main

import (
	"os"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/launch"
)

func main() {
	log := &cli.Logger{Out: os.Stdout, Level: cli.Info, Color: os.Getenv("CNB_NO_COLOR") == ""}
	err := run()
	log.Errorf("%s", err)
	os.Exit(cli.CodeOf(err))
}

func run() error {
	version, err := cli.PlatformAPI()
	if err != nil {
		return err
	}
	launcher := launch.Launcher{
		API:       version,
		AppDir:    envOr("CNB_APP_DIR", "/workspace"),
		LayersDir: envOr("CNB_LAYERS_DIR", "/layers"),
		ExecEnv:   envOr("CNB_EXEC_ENV", "production"),
	}
	if err := format.Read(launcher.LayersDir+"/config/metadata.toml", &launcher.Metadata); err != nil {
		return cli.Fail(cli.CodeFailed, "read metadata", err)
	}
	for _, buildpack := range launcher.Metadata.Buildpacks {
		if err := cli.BuildpackAPI(buildpack.ID, buildpack.API); err != nil {
			return err
		}
	}
	return cli.Fail(cli.CodeLaunch, "launch", launcher.Launch(os.Args[0], os.Args[1:]))
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
