package launch

import (
	"reflect"
	"testing"

	"epinio.io/e2e/builder/lifecycle/internal/api"
	"epinio.io/e2e/builder/lifecycle/internal/format"
)

func command(words ...string) format.Command { return format.Command{Words: words} }

var image = Metadata{
	Buildpacks: []format.Buildpack{{ID: "new", API: "0.10"}, {ID: "old", API: "0.8"}},
	Processes: []format.Process{
		{Type: "web", Command: command("server"), Args: []string{"--port", "80"}, Direct: true, BuildpackID: "new"},
		{Type: "task", Command: command("sh", "-c", "run"), Args: []string{"once"}, Direct: true, BuildpackID: "new"},
		{Type: "line", Command: command("echo"), Args: []string{"a"}, BuildpackID: "old"},
		{Type: "dev", Command: command("watch"), Direct: true, BuildpackID: "new", ExecEnv: []string{"development"}},
	},
}

func TestWhatIsStarted(t *testing.T) {
	cases := []struct {
		name, self, version string
		args, want          []string
		direct              bool
	}{
		{"a process with its own arguments", "web", "0.13", nil, []string{"server", "--port", "80"}, true},
		{"arguments replace its own", "web", "0.13", []string{"--help"}, []string{"server", "--help"}, true},
		{"the words of a command stay", "task", "0.13", []string{"twice"}, []string{"sh", "-c", "run", "twice"}, true},
		{"old buildpacks: arguments are added", "line", "0.13", []string{"b"}, []string{"echo", "a", "b"}, false},
		{"old platforms: arguments are added", "web", "0.9", []string{"x"}, []string{"server", "--port", "80", "x"}, true},
		{"a command of the user's", "launcher", "0.13", []string{"--", "env", "-0"}, []string{"env", "-0"}, true},
		{"a line of the user's, for the shell", "launcher", "0.13", []string{"echo $PORT"}, []string{"echo $PORT"}, false},
		{"a process of another environment is none", "dev", "0.15", []string{"--", "env"}, []string{"env"}, true},
		{"old platforms know no environments", "dev", "0.14", nil, []string{"watch"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			version, err := api.Parse(c.version)
			if err != nil {
				t.Fatal(err)
			}
			launcher := Launcher{API: version, ExecEnv: "production", Metadata: image}
			process, err := launcher.Process(c.self, c.args)
			if err != nil {
				t.Fatal(err)
			}
			got := append(append([]string{}, process.Command.Words...), process.Args...)
			if !reflect.DeepEqual(got, c.want) || process.Direct != c.direct {
				t.Errorf("got %v, direct: %v", got, process.Direct)
			}
		})
	}
}

func TestNothingToStartIsAnError(t *testing.T) {
	launcher := Launcher{Metadata: image}
	if _, err := launcher.Process("nope", nil); err == nil {
		t.Error("no type and no command, no error")
	}
}

func TestTheShellSeesOneWordAsAScriptAndSeveralAsWords(t *testing.T) {
	cases := map[string][]string{
		"echo one; echo two":     {"echo one; echo two"},
		`exec "echo" "$A \"b\""`: {"echo", `$A "b"`},
	}
	for want, argv := range cases {
		if got := shell(argv); !reflect.DeepEqual(got, []string{"bash", "-c", want}) {
			t.Errorf("got %v", got)
		}
	}
}
