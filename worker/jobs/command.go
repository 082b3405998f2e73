package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moothall/moothall/events"
)

// A Command is what the worker's owner allows under a name: the words of its
// command line, with {in}, {out} and {args} still in them.
type Command struct {
	Name  string
	Words []string
}

// Commands are the allowed commands, sorted by name.
type Commands []Command

// Placeholders of a command's words.
const (
	inFolder  = "{in}"
	outFolder = "{out}"
	arguments = "{args}"
)

var commandName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// ParseCommands reads MOOT_COMMANDS: "name=template; …". A template is split into
// words as a POSIX shell does, without expansion. {in} and {out} may stand inside
// words, {args} only for a whole one. Every problem is in the one error.
func ParseCommands(spec string) (Commands, error) {
	var all Commands
	var problems []string
	for _, part := range split(spec) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		c, err := parseCommand(part)
		switch {
		case err != nil:
			problems = append(problems, err.Error())
		case slices.Contains(all.Names(), c.Name):
			problems = append(problems, fmt.Sprintf("%q is there twice", c.Name))
		default:
			all = append(all, c)
		}
	}
	if len(problems) > 0 {
		return nil, events.Errorf(events.CodeConfig, "%s", strings.Join(problems, "; "))
	}
	slices.SortFunc(all, func(a, b Command) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func parseCommand(part string) (Command, error) {
	name, template, ok := strings.Cut(part, "=")
	name = strings.TrimSpace(name)
	if !ok {
		return Command{}, fmt.Errorf("%q is not name=template", name)
	}
	if !commandName.MatchString(name) {
		return Command{}, fmt.Errorf("%q is not a name for a command: use letters, digits, \".\", \"_\" and \"-\"", name)
	}
	ws, err := words(template)
	if err != nil {
		return Command{}, fmt.Errorf("command %s: %w", name, err)
	}
	if len(ws) == 0 {
		return Command{}, fmt.Errorf("command %s has no program", name)
	}
	if err := checkWords(ws); err != nil {
		return Command{}, fmt.Errorf("command %s: %w", name, err)
	}
	return Command{Name: name, Words: ws}, nil
}

func checkWords(ws []string) error {
	if strings.Contains(ws[0], arguments) || strings.Contains(ws[0], inFolder) || strings.Contains(ws[0], outFolder) {
		return fmt.Errorf("the program %q must not come from the client", ws[0])
	}
	for _, w := range ws {
		if w != arguments && strings.Contains(w, arguments) {
			return fmt.Errorf("%s in %q must be a word of its own", arguments, w)
		}
		if strings.ContainsRune(w, 0) {
			return errors.New("a word holds a NUL")
		}
	}
	return nil
}

// Names lists the commands' names.
func (cs Commands) Names() []string {
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.Name
	}
	return names
}

// Find is the command of a name.
func (cs Commands) Find(name string) (Command, bool) {
	i := slices.IndexFunc(cs, func(c Command) bool { return c.Name == name })
	if i < 0 {
		return Command{}, false
	}
	return cs[i], true
}

// Missing says for each command whose program is not there why, in words.
func (cs Commands) Missing() []string {
	var all []string
	for _, c := range cs {
		if _, err := c.program(); err != nil {
			all = append(all, fmt.Sprintf("command %s: %v", c.Name, err))
		}
	}
	return all
}

// UnmarshalText lets Commands be a setting.
func (cs *Commands) UnmarshalText(text []byte) error {
	parsed, err := ParseCommands(string(text))
	if err != nil {
		return err
	}
	*cs = parsed
	return nil
}

// String lists the names, for people.
func (cs Commands) String() string { return strings.Join(cs.Names(), ", ") }

// program is the absolute path of the command's program, found through PATH. A
// relative path is the worker's, not the job's.
func (c Command) program() (string, error) {
	path, err := exec.LookPath(c.Words[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("program %q: %w", c.Words[0], reason(err))
	}
	return path, nil
}

// reason is the cause in an error of exec or of a path, which both repeat the
// program's name.
func reason(err error) error {
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return err
}

// argv is the command line of one job. A command whose template has no {args}
// takes none.
func (c Command) argv(in, out string, args []string) ([]string, error) {
	folders := strings.NewReplacer(inFolder, in, outFolder, out)
	var argv []string
	takes := false
	for _, w := range c.Words {
		if w == arguments {
			argv, takes = append(argv, args...), true
			continue
		}
		argv = append(argv, folders.Replace(w))
	}
	if len(args) > 0 && !takes {
		return nil, events.Errorf(events.CodeInvalid, "command %s takes no arguments here: its owner's template has no %s", c.Name, arguments)
	}
	if i := slices.IndexFunc(args, func(a string) bool { return strings.ContainsRune(a, 0) }); i >= 0 {
		return nil, events.Errorf(events.CodeInvalid, "argument %d holds a NUL", i+1)
	}
	return argv, nil
}
