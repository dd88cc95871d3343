// Package cli is what all programs share: API check, flags, environment, log and exit codes.
package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"epinio.io/e2e/builder/lifecycle/internal/api"
)

// Version is what -version and the label of every image say.
const Version = "0.1.0+epinio"

// Command does the work of one phase, in the order in which a wrong call must fail.
type Command interface {
	// Args judges the positional arguments and the inputs.
	Args(args []string) error
	// Privileges becomes the user that files are to belong to, or refuses to run.
	Privileges() error
	// Exec does the work.
	Exec() error
}

// Run is the whole life of a program: args are those after its name.
func Run(phase Phase, args []string, command func(*Inputs, *Logger) Command) int {
	log := &Logger{Out: os.Stdout, Level: Info, Color: true}
	err := run(phase, args, log, command)
	if err != nil {
		log.Errorf("%s", err)
	}
	return CodeOf(err)
}

func run(phase Phase, args []string, log *Logger, command func(*Inputs, *Logger) Command) error {
	version, err := PlatformAPI()
	if err != nil {
		return err
	}
	in := fromEnvironment(version)
	flags := newFlagSet(phase, in)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if in.ShowVersion {
		log.Infof("%s", Version)
		return nil
	}
	log.Color = !in.NoColor
	level, known := levelNames[strings.ToLower(in.LogLevel)]
	if !known {
		return errors.New("failed to parse log level: invalid level")
	}
	log.Level = level
	warnOfLateFlags(flags.Args(), log)
	if err := in.resolvePaths(); err != nil {
		return Fail(CodeInvalidArgs, "resolve inputs", err)
	}
	if err := in.Unsupported(); err != nil {
		return Fail(CodeInvalidArgs, "resolve inputs", err)
	}
	return steps(command(in, log), flags.Args())
}

func steps(command Command, args []string) error {
	if err := command.Args(args); err != nil {
		return err
	}
	if err := command.Privileges(); err != nil {
		return err
	}
	return command.Exec()
}

// PlatformAPI reads CNB_PLATFORM_API, without which nothing may run.
func PlatformAPI() (api.Version, error) {
	text := os.Getenv("CNB_PLATFORM_API")
	if strings.TrimSpace(text) == "" {
		return api.Version{}, Fail(CodePlatformAPI, "get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version", nil)
	}
	version, err := api.Parse(text)
	if err != nil {
		return api.Version{}, Fail(CodePlatformAPI, fmt.Sprintf("parse platform API '%s'", text), nil)
	}
	if !api.SupportedPlatform(version) {
		return api.Version{}, Fail(CodePlatformAPI, "set platform API", fmt.Errorf("platform API version '%s' is incompatible with the lifecycle", text))
	}
	return version, nil
}

// BuildpackAPI refuses a buildpack that is written for an API these programs do not speak.
func BuildpackAPI(name, text string) error {
	version, err := api.Parse(text)
	if err != nil {
		return Fail(CodeBuildpackAPI, fmt.Sprintf("parse buildpack API '%s' for buildpack '%s'", text, name), nil)
	}
	if !api.SupportedBuildpack(version) {
		return Fail(CodeBuildpackAPI, fmt.Sprintf("set API for Buildpack '%s'", name), fmt.Errorf("buildpack API version '%s' is incompatible with the lifecycle", text))
	}
	return nil
}

// warnOfLateFlags tells of flags that stand behind the first positional argument, where nothing reads them.
func warnOfLateFlags(args []string, log *Logger) {
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			log.Warnf("unconsumed flag-like positional arg: %s; flags must stand before the first positional argument", arg)
		}
	}
}
