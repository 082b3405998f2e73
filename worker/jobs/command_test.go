package jobs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

func TestParseCommands(t *testing.T) {
	tests := []struct {
		name, spec string
		want       Commands
	}{
		{"nothing", "", nil},
		{"only separators", " ; ;\n", nil},
		{"one", "track=/opt/track {in} {out}", Commands{{"track", []string{"/opt/track", "{in}", "{out}"}}}},
		{"several, sorted", "train=/opt/train {args}; track=/opt/track --data={in}/a ;",
			Commands{{"track", []string{"/opt/track", "--data={in}/a"}}, {"train", []string{"/opt/train", "{args}"}}}},
		{"an equals sign in the template", "t=/bin/t --x=1", Commands{{"t", []string{"/bin/t", "--x=1"}}}},
		{"spaces around the name", " t = /bin/t", Commands{{"t", []string{"/bin/t"}}}},
		{"quotes", `t=/bin/t 'a b' "c d"e '' "it's"`, Commands{{"t", []string{"/bin/t", "a b", "c de", "", "it's"}}}},
		{"a semicolon in quotes", `t=sh -c 'a; b' ";"; u=u`, Commands{{"t", []string{"sh", "-c", "a; b", ";"}}, {"u", []string{"u"}}}},
		{"an escaped semicolon", `t=find . \;`, Commands{{"t", []string{"find", ".", ";"}}}},
		{"escapes", `t=/bin/t a\ b \"x\" "a\"b\\c\d\$" 'a\b'`, Commands{{"t", []string{"/bin/t", "a b", `"x"`, `a"b\c\d$`, `a\b`}}}},
		{"a line that goes on", "t=/bin/t a\\\nb \"c\\\nd\"", Commands{{"t", []string{"/bin/t", "ab", "cd"}}}},
		{"no expansion", "t=/bin/t $HOME `x` * ~ ${X} {foo}", Commands{{"t", []string{"/bin/t", "$HOME", "`x`", "*", "~", "${X}", "{foo}"}}}},
		{"no comments", "t=/bin/t #1 a#b", Commands{{"t", []string{"/bin/t", "#1", "a#b"}}}},
		{"quoted operators", `t=/bin/t '|' "&" \>`, Commands{{"t", []string{"/bin/t", "|", "&", ">"}}}},
		{"placeholders inside words", "t=/bin/t a{in}b{out}", Commands{{"t", []string{"/bin/t", "a{in}b{out}"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseCommands(tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseCommands_Refuses(t *testing.T) {
	for spec, want := range map[string]string{
		"track":                   `"track" is not name=template`,
		"=/bin/x":                 `"" is not a name for a command: use letters, digits, ".", "_" and "-"`,
		"a b=/bin/x":              `"a b" is not a name for a command: use letters, digits, ".", "_" and "-"`,
		"t=":                      "command t has no program",
		"t=/a; t=/b":              `"t" is there twice`,
		"t=/a 'x":                 "command t: a quote (') is not closed",
		`t=/a "x`:                 `command t: a quote (") is not closed`,
		`t=/a \`:                  "command t: a backslash at the end escapes nothing",
		"t=/a x{args}":            `command t: {args} in "x{args}" must be a word of its own`,
		"t={args}":                `command t: the program "{args}" must not come from the client`,
		"t={in}/run":              `command t: the program "{in}/run" must not come from the client`,
		"t=/a > log":              `command t: '>' would need a shell, and there is none: quote it, or name a script that does this`,
		"t=/a; bad; u=/b 'x; v=x": `"bad" is not name=template; command u: a quote (') is not closed`,
	} {
		t.Run(spec, func(t *testing.T) {
			_, err := ParseCommands(spec)
			wantCode(t, err, events.CodeConfig)
			if err != nil && err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

func TestCommand_Argv(t *testing.T) {
	cs, err := ParseCommands("t=/bin/t --in={in} {args} {out} last; fixed=/bin/f {in}")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := cs.Find("t")
	got, err := c.argv("/j/in", "/j/out", []string{"a b", "{in}", "; rm -rf /", "$(x)"})
	want := []string{"/bin/t", "--in=/j/in", "a b", "{in}", "; rm -rf /", "$(x)", "/j/out", "last"}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if got, err := c.argv("/i", "/o", nil); err != nil || len(got) != 4 {
		t.Errorf("no arguments: %q, %v", got, err)
	}
	_, err = c.argv("/i", "/o", []string{"a\x00b"})
	wantCode(t, err, events.CodeInvalid)
	fixed, _ := cs.Find("fixed")
	_, err = fixed.argv("/i", "/o", []string{"x"})
	wantCode(t, err, events.CodeInvalid)
}

func TestCommands_ProgramThroughPATH(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tool"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "text"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	cs, err := ParseCommands("a=tool; b=missing {in}; c=" + dir + "/text; d=" + dir + "/none")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := cs.Find("a")
	if got, err := a.program(); err != nil || got != filepath.Join(dir, "tool") {
		t.Errorf("got %q, %v", got, err)
	}
	want := []string{
		`command b: program "missing": executable file not found in $PATH`,
		`command c: program "` + dir + `/text": permission denied`,
		`command d: program "` + dir + `/none": no such file or directory`,
	}
	if diff := cmp.Diff(want, cs.Missing()); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseCommands(f *testing.F) {
	for _, s := range []string{"", "t=/bin/t {in} {out} {args}; u=sh -c 'a; b'", `x=a "b\"c" \; d`, "a=b\\\nc", "t=/a > b", "é=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		cs, err := ParseCommands(spec)
		if err != nil {
			if cs != nil || events.CodeOf(err) != events.CodeConfig {
				t.Fatalf("%v beside %v", cs, err)
			}
			return
		}
		for i, c := range cs {
			if c.Name == "" || len(c.Words) == 0 || i > 0 && cs[i-1].Name >= c.Name {
				t.Fatalf("got %q from %q", cs, spec)
			}
			if _, err := c.argv("/in", "/out", nil); err != nil {
				t.Fatalf("no command line for %q: %v", c, err)
			}
		}
		again, err := ParseCommands(quoteCommands(cs))
		if err != nil || cmp.Diff(cs, again) != "" {
			t.Fatalf("quoted again, %q became %q, %v", cs, again, err)
		}
	})
}

// quoteCommands writes commands so that they read back the same.
func quoteCommands(cs Commands) string {
	var b strings.Builder
	for _, c := range cs {
		b.WriteString(c.Name + "=")
		for _, w := range c.Words {
			b.WriteString("'" + strings.ReplaceAll(w, "'", `'\''`) + "' ")
		}
		b.WriteString(";")
	}
	return b.String()
}
