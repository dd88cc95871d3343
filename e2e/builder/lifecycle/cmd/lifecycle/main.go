// The lifecycle is six programs in one file, told apart by the name they are called by: analyzer, detector, restorer, builder, exporter, rebaser.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/phase"
)

var commands = map[cli.Phase]func(*cli.Inputs, *cli.Logger) cli.Command{
	cli.Analyze: phase.NewAnalyzer,
	cli.Detect:  phase.NewDetector,
	cli.Restore: phase.NewRestorer,
	cli.Build:   phase.NewBuilder,
	cli.Export:  phase.NewExporter,
	cli.Rebase:  phase.NewRebaser,
}

// subcommands are the verbs of "lifecycle VERB".
var subcommands = map[string]cli.Phase{
	"analyze": cli.Analyze, "detect": cli.Detect, "restore": cli.Restore, "build": cli.Build, "export": cli.Export,
	"rebase": cli.Rebase,
}

func main() {
	name, args := cli.Phase(filepath.Base(os.Args[0])), os.Args[1:]
	if commands[name] == nil && len(args) > 0 {
		name, args = subcommands[args[0]], args[1:]
	}
	if commands[name] == nil {
		fmt.Println("ERROR: failed to recognize phase: call this program as analyzer, detector, restorer, builder, exporter or rebaser")
		os.Exit(cli.CodeInvalidArgs)
	}
	os.Exit(cli.Run(name, args, commands[name]))
}
