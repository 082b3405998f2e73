package cli

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"github.com/moothall/moothall/events"
)

// Log formats. The empty one is text on a terminal and JSON elsewhere.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// Logger makes a logger of a level (debug, info, warn, error; any case; empty is
// info) and a format. Colours appear on a terminal only and never with NO_COLOR.
// The error, for another level or format, has CodeConfig.
func Logger(w io.Writer, level, format string) (*slog.Logger, error) {
	l, err := ParseLevel(level)
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(format) {
	case FormatText:
		return slog.New(textHandler(w, l)), nil
	case FormatJSON:
		return slog.New(jsonHandler(w, l)), nil
	case "":
		if IsTerminal(w) {
			return slog.New(textHandler(w, l)), nil
		}
		return slog.New(jsonHandler(w, l)), nil
	}
	return nil, events.Errorf(events.CodeConfig, "log format %q is neither text nor json", format)
}

// ParseLevel reads the name of a log level.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug, nil
	case "info", "":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, events.Errorf(events.CodeConfig, "log level %q is not one of debug, info, warn, error", name)
}

// IsTerminal reports whether w is a file that is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

func textHandler(w io.Writer, l slog.Level) slog.Handler {
	return tint.NewTextHandler(w, &tint.Options{
		Level:      l,
		TimeFormat: time.TimeOnly,
		NoColor:    !IsTerminal(w) || os.Getenv("NO_COLOR") != "",
	})
}

func jsonHandler(w io.Writer, l slog.Level) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: forReaders})
}

// forReaders writes times as all times of this module are written, and durations
// with their unit.
func forReaders(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindTime:
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(events.TimeFormat))
	case slog.KindDuration:
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}
