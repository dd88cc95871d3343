package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Level orders log messages by weight.
type Level int

// Levels of CNB_LOG_LEVEL.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

var levelNames = map[string]Level{"debug": Debug, "info": Info, "warn": Warn, "warning": Warn, "error": Error}

// Logger writes one message a line; warnings and errors carry a prefix that platforms look for.
type Logger struct {
	Out   io.Writer
	Level Level
	Color bool
	mu    sync.Mutex
}

// Logf writes a message of the given level.
func (l *Logger) Logf(level Level, format string, args ...any) {
	if level < l.Level {
		return
	}
	l.Always(l.prefix(level) + fmt.Sprintf(format, args...))
}

// Always writes a message whatever the level.
func (l *Logger) Always(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.Out, strings.TrimSuffix(message, "\n"))
}

func (l *Logger) prefix(level Level) string {
	text, code := "", ""
	switch level {
	case Warn:
		text, code = "Warning: ", "33;1"
	case Error:
		text, code = "ERROR: ", "31;1"
	default:
		return ""
	}
	if !l.Color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Debugf logs what only an author of buildpacks wants to know.
func (l *Logger) Debugf(format string, args ...any) { l.Logf(Debug, format, args...) }

// Infof logs progress.
func (l *Logger) Infof(format string, args ...any) { l.Logf(Info, format, args...) }

// Warnf logs what went wrong without ending the program.
func (l *Logger) Warnf(format string, args ...any) { l.Logf(Warn, format, args...) }

// Errorf logs what ends the program.
func (l *Logger) Errorf(format string, args ...any) { l.Logf(Error, format, args...) }
