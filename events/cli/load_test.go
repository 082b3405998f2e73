package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/moothall/moothall/events"
)

type config struct {
	Room      string        `envconfig:"ROOM" required:"true"`
	Token     Secret        `envconfig:"TOKEN" required:"true"`
	Slots     int           `envconfig:"SLOTS" default:"1"`
	Heartbeat time.Duration `envconfig:"HEARTBEAT" default:"5s"`
	Memory    *int64        `envconfig:"MEMORY"`
	PIN       uint16        `envconfig:"PIN" secret:"true"`
	Registry  bool          `envconfig:"ENABLE_REGISTRY" bare:"true"`
	MaxPeers  int
	NATS      struct {
		URL string `envconfig:"URL"`
	}
	Shape shape `envconfig:"SHAPE"`
}

type shape string

func (s *shape) UnmarshalText(text []byte) error {
	if string(text) == "banana" {
		return errors.New("bananas are not allowed")
	}
	*s = shape(text)
	return nil
}

// load runs Load with exactly the given variables of the prefix.
func load(t *testing.T, env map[string]string) (config, error) {
	t.Helper()
	for k, v := range env {
		t.Setenv(k, v)
	}
	var c config
	err := Load("CLITEST", &c)
	return c, err
}

func valid(more ...string) map[string]string {
	env := map[string]string{"CLITEST_ROOM": "lab", "CLITEST_TOKEN": "t0ken"}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

func wantProblem(t *testing.T, err error, want string) {
	t.Helper()
	if events.CodeOf(err) != events.CodeConfig {
		t.Fatalf("error %v is not a configuration error", err)
	}
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestLoad_Valid(t *testing.T) {
	c, err := load(t, valid(
		"CLITEST_SLOTS", "3", "CLITEST_HEARTBEAT", "200ms", "CLITEST_MEMORY", "16000", "CLITEST_PIN", "77",
		"ENABLE_REGISTRY", "true", "CLITEST_NATS_URL", "nats://x", "CLITEST_SHAPE", "round"))
	if err != nil {
		t.Fatal(err)
	}
	memory := int64(16000)
	want := config{Room: "lab", Token: "t0ken", Slots: 3, Heartbeat: 200 * time.Millisecond, Memory: &memory, PIN: 77, Registry: true, Shape: "round"}
	want.NATS.URL = "nats://x"
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_Defaults(t *testing.T) {
	c, err := load(t, valid())
	if err != nil || c.Slots != 1 || c.Heartbeat != 5*time.Second || c.Memory != nil {
		t.Errorf("got %+v, %v", c, err)
	}
}

// The gaps of bare envconfig, one test each.

func TestEnvconfigGap1_EmptyDoesNotSatisfyRequired(t *testing.T) {
	_, err := load(t, valid("CLITEST_ROOM", ""))
	wantProblem(t, err, "CLITEST_ROOM is empty")
}

func TestEnvconfigGap1_EmptyOptionalKeepsItsDefault(t *testing.T) {
	c, err := load(t, valid("CLITEST_SLOTS", "", "CLITEST_MEMORY", ""))
	if err != nil || c.Slots != 1 || c.Memory != nil {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestEnvconfigGap2_EveryProblemAtOnce(t *testing.T) {
	_, err := load(t, map[string]string{"CLITEST_SLOTS": "two", "CLITEST_HEARTBEAT": "5", "CLITEST_SHAPE": "banana"})
	wantProblem(t, err, `5 settings are wrong: CLITEST_ROOM is not set; CLITEST_TOKEN is not set, nor is CLITEST_TOKEN_FILE; `+
		`CLITEST_SLOTS="two" is not a whole number; CLITEST_HEARTBEAT="5" is not a duration; write 5s; `+
		`CLITEST_SHAPE="banana": bananas are not allowed`)
}

func TestEnvconfigGap2_LaterFieldsAreStillRead(t *testing.T) {
	c, err := load(t, valid("CLITEST_SLOTS", "two", "CLITEST_HEARTBEAT", "2s"))
	if err == nil || c.Heartbeat != 2*time.Second {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestEnvconfigGap3_WordsForPeopleAndNoSecrets(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"CLITEST_SLOTS", "two", `CLITEST_SLOTS="two" is not a whole number`},
		{"CLITEST_SLOTS", "99999999999999999999", `CLITEST_SLOTS="99999999999999999999" is out of range`},
		{"CLITEST_MEMORY", "16GiB", `CLITEST_MEMORY="16GiB" is not a whole number`},
		{"ENABLE_REGISTRY", "yes", `ENABLE_REGISTRY="yes" is neither true nor false`},
		{"CLITEST_PIN", "hunter2", `CLITEST_PIN (7 characters, hidden) is not a whole number from 0 on`},
		{"CLITEST_PIN", "70000", `CLITEST_PIN (5 characters, hidden) is out of range`},
		{"CLITEST_SLOTS", strings.Repeat("x", 500), `CLITEST_SLOTS="` + strings.Repeat("x", 60) + `…" is not a whole number`},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value[:min(len(tt.value), 20)], func(t *testing.T) {
			_, err := load(t, valid(tt.name, tt.value))
			wantProblem(t, err, tt.want)
		})
	}
}

func TestEnvconfigGap4_DurationWithoutUnit(t *testing.T) {
	for value, hint := range map[string]string{"5": "write 5s", "0.5": "write 0.5s", "soon": "write it like 5s, 500ms or 2h"} {
		t.Run(value, func(t *testing.T) {
			_, err := load(t, valid("CLITEST_HEARTBEAT", value))
			wantProblem(t, err, `CLITEST_HEARTBEAT="`+value+`" is not a duration; `+hint)
		})
	}
}

func TestEnvconfigGap5_TyposAreNamed(t *testing.T) {
	for name, want := range map[string]string{
		"CLITEST_SLOT":            "CLITEST_SLOT is not a setting; did you mean CLITEST_SLOTS?",
		"CLITEST_TOKEN_FILES":     "CLITEST_TOKEN_FILES is not a setting; did you mean CLITEST_TOKEN_FILE?",
		"CLITEST_ELEPHANT":        "CLITEST_ELEPHANT is not a setting",
		"ENABLE_REGISTRYS":        "ENABLE_REGISTRYS is not a setting; did you mean ENABLE_REGISTRY?",
		"CLITEST_ENABLE_REGISTRY": "CLITEST_ENABLE_REGISTRY is not a setting; did you mean ENABLE_REGISTRY?",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "3")
			t.Setenv("CLITEST_ROOM", "lab")
			t.Setenv("CLITEST_TOKEN_FILE", "/x")
			t.Setenv("CLITEST_CLIENT_DIR", "another program's")
			got := Unknown("CLITEST", new(config), "CLITEST_CLIENT_DIR")
			if diff := cmp.Diff([]string{want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnvconfigGap6_NoNameWithoutPrefixByAccident(t *testing.T) {
	t.Setenv("ROOM", "not ours")
	t.Setenv("URL", "not ours")
	t.Setenv("NATS_URL", "not ours")
	c, err := load(t, map[string]string{"CLITEST_TOKEN": "t"})
	wantProblem(t, err, "CLITEST_ROOM is not set")
	if c.NATS.URL != "" {
		t.Errorf("nested setting read a bare name: %q", c.NATS.URL)
	}
}

func TestEnvconfigGap7_FieldNamesInWords(t *testing.T) {
	c, err := load(t, valid("CLITEST_MAX_PEERS", "9"))
	if err != nil || c.MaxPeers != 9 {
		t.Errorf("got %+v, %v", c, err)
	}
	for field, want := range map[string]string{"MaxPeers": "MAX_PEERS", "HTTPAddr": "HTTP_ADDR", "ID": "ID", "PeerID": "PEER_ID"} {
		if got := inWords(field); got != want {
			t.Errorf("%s became %s, want %s", field, got, want)
		}
	}
}

func TestEnvconfigGap7_SecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, empty, big := file("good", "s3cret\r\n"), file("empty", "\n"), file("big", strings.Repeat("x", maxSecretFile+1))

	t.Run("read", func(t *testing.T) {
		c, err := load(t, map[string]string{"CLITEST_ROOM": "lab", "CLITEST_TOKEN_FILE": good})
		if err != nil || c.Token.Reveal() != "s3cret" {
			t.Errorf("got %q, %v", c.Token.Reveal(), err)
		}
	})
	for _, tt := range []struct{ name, token, path, want string }{
		{"both", "t", good, "CLITEST_TOKEN and CLITEST_TOKEN_FILE are both set; keep one"},
		{"missing", "", dir + "/none", `CLITEST_TOKEN_FILE="` + dir + `/none": no such file or directory`},
		{"empty", "", empty, `CLITEST_TOKEN_FILE="` + empty + `": the file is empty`},
		{"large", "", big, `CLITEST_TOKEN_FILE="` + big + `": the file has more than 65536 bytes`},
		{"folder", "", dir, `CLITEST_TOKEN_FILE="` + dir + `": is a directory`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, map[string]string{"CLITEST_ROOM": "lab", "CLITEST_TOKEN": tt.token, "CLITEST_TOKEN_FILE": tt.path})
			wantProblem(t, err, tt.want)
		})
	}
}

func TestEnvconfigGap8_TableForPeople(t *testing.T) {
	type small struct {
		Token Secret        `envconfig:"TOKEN" required:"true" desc:"a token"`
		Beat  time.Duration `envconfig:"BEAT" default:"5s" desc:"between beats"`
		Name  string        `envconfig:"NAME" unset:"the host name" desc:"what people call it"`
		Flag  bool          `envconfig:"FLAG" bare:"true" default:"false" desc:"a flag"`
		Tags  string        `envconfig:"TAGS" desc:"k=v,…"`
	}
	want := `NAME            DEFAULT        MEANING
X_TOKEN[_FILE]  required       a token
X_BEAT          5s             between beats
X_NAME          the host name  what people call it
FLAG            false          a flag
X_TAGS          none           k=v,…
`
	if diff := cmp.Diff(want, Table("X", new(small))); diff != "" {
		t.Error(diff)
	}
}

// checked has a rule about two fields.
type checked struct {
	Low  int `envconfig:"LOW" default:"1"`
	High int `envconfig:"HIGH" default:"2"`
}

func (c *checked) Validate() []Problem {
	if c.Low > c.High {
		return []Problem{{Names: []string{"CLITEST_LOW", "CLITEST_HIGH"}, Text: "CLITEST_LOW is more than CLITEST_HIGH"}}
	}
	return nil
}

func TestLoad_ValidationIsPartOfTheSameError(t *testing.T) {
	t.Setenv("CLITEST_LOW", "5")
	wantProblem(t, Load("CLITEST", new(checked)), "CLITEST_LOW is more than CLITEST_HIGH")
}

func TestLoad_ValidationOfAnUnreadFieldIsLeftOut(t *testing.T) {
	t.Setenv("CLITEST_LOW", "5")
	t.Setenv("CLITEST_HIGH", "many")
	wantProblem(t, Load("CLITEST", new(checked)), `CLITEST_HIGH="many" is not a whole number`)
}

func TestEffective_HidesSecretsAndNamesSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	os.WriteFile(file, []byte("canary-canary-canary-canary-canary-9xQ2"), 0o600)
	t.Setenv("CLITEST_ROOM", "lab")
	t.Setenv("CLITEST_TOKEN_FILE", file)
	t.Setenv("CLITEST_PIN", "1234")
	var c config
	if err := Load("CLITEST", &c); err != nil {
		t.Fatal(err)
	}
	got := map[string]Value{}
	for _, v := range Effective("CLITEST", &c) {
		got[v.Name] = v
	}
	for _, want := range []Value{
		{"CLITEST_ROOM", "lab", "environment"},
		{"CLITEST_TOKEN", "(39 characters, ends in …9xQ2)", "file"},
		{"CLITEST_PIN", "(hidden)", "environment"},
		{"CLITEST_HEARTBEAT", "5s", "default"},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
}
