// Package asyncapi keeps docs/asyncapi.yaml and the package events equal: every
// subject, verb, event, frame, message type and field of one is in the other.
package asyncapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/moothall/moothall/events"
)

const (
	page     = "../../docs/asyncapi.yaml"
	protocol = "../../events"
)

// wire lists every struct of events that travels; TestTypes_EveryStructIsListed
// fails when one is missing here.
var wire = []any{
	events.Ack{}, events.Announcement{}, events.Claim{}, events.Connection{}, events.Error{}, events.ErrorReply{},
	events.FileEnd{}, events.FileHeader{}, events.Filters{}, events.Generation{}, events.Genesis{}, events.Gone{},
	events.Goodbye{}, events.Heartbeat{}, events.ICEServer{}, events.InfoRequest{}, events.JobAck{}, events.JobAttach{},
	events.JobEvent{}, events.JobEvidence{}, events.JobHello{}, events.JobInfo{}, events.JobInput{}, events.JobInputs{}, events.JobLease{}, events.JobList{}, events.JobNeeds{}, events.JobNotice{}, events.JobSignal{}, events.JobStart{}, events.JobWant{}, events.JoinReply{},
	events.JoinRequest{}, events.Lease{}, events.Leave{}, events.Limits{}, events.ListJobs{}, events.Manifest{}, events.MemberCertificate{},
	events.Metadata{}, events.MountEntry{}, events.MountList{}, events.MountListing{}, events.MountedInput{},
	events.PeerEvent{}, events.PeerInfo{}, events.Ping{}, events.Position{}, events.Properties{},
	events.Pull{}, events.Query{}, events.Register{}, events.RegisteredAuth{}, events.Rejected{}, events.Release{},
	events.Reserve{}, events.Reserved{}, events.RoomInfo{}, events.RosterNotice{}, events.Seat{}, events.SeatCertificate{},
	events.Signal{}, events.SignedRow{}, events.Slots{}, events.Standing{}, events.State{}, events.StatusReport{},
	events.Term{}, events.Testimony{}, events.Vouch{}, events.Want{}, events.Worker{}, events.WorkerList{},
}

type schema struct {
	Ref        string            `yaml:"$ref"`
	AllOf      []schema          `yaml:"allOf"`
	Type       string            `yaml:"type"`
	Format     string            `yaml:"format"`
	Encoding   string            `yaml:"contentEncoding"`
	Const      string            `yaml:"const"`
	Enum       []string          `yaml:"enum"`
	Items      *schema           `yaml:"items"`
	Values     *schema           `yaml:"additionalProperties"`
	Properties map[string]schema `yaml:"properties"`
	Required   []string          `yaml:"required"`
}

type message struct {
	Frame   *int   `yaml:"x-frame"`
	Payload schema `yaml:"payload"`
}

type document struct {
	Channels map[string]struct {
		Address    string         `yaml:"address"`
		Parameters map[string]any `yaml:"parameters"`
		Messages   map[string]any `yaml:"messages"`
	} `yaml:"channels"`
	Operations map[string]struct {
		Channel struct {
			Ref string `yaml:"$ref"`
		} `yaml:"channel"`
	} `yaml:"operations"`
	Components struct {
		Messages map[string]message `yaml:"messages"`
		Schemas  map[string]schema  `yaml:"schemas"`
	} `yaml:"components"`
}

func read(t *testing.T) (doc document, tree any) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return doc, tree
}

// parsed is what the source of events declares.
type parsed struct {
	structs   []string                     // exported, with json tags
	constants map[string]map[string]string // by prefix, then name: the value
}

var prefixes = []string{"Kind", "Verb", "Event", "Type", "Frame"}

func parse(t *testing.T) parsed {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(protocol, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", protocol, err)
	}
	p := parsed{constants: map[string]map[string]string{}}
	for _, prefix := range prefixes {
		p.constants[prefix] = map[string]string{}
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return false
			case *ast.ValueSpec:
				p.constant(n)
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok && n.Name.IsExported() && travels(s) {
					p.structs = append(p.structs, n.Name.Name)
				}
			}
			return true
		})
	}
	slices.Sort(p.structs)
	return p
}

// constant notes a constant that names a kind, verb, event, message type or frame.
func (p parsed) constant(spec *ast.ValueSpec) {
	for i, id := range spec.Names {
		for _, prefix := range prefixes {
			rest, ok := strings.CutPrefix(id.Name, prefix)
			if !ok || rest == "" || id.Name == "FrameHeader" || i >= len(spec.Values) {
				continue
			}
			if lit, ok := spec.Values[i].(*ast.BasicLit); ok {
				v := constant.MakeFromLiteral(lit.Value, lit.Kind, 0)
				p.constants[prefix][id.Name] = strings.Trim(v.ExactString(), `"`)
			}
		}
	}
}

// travels reports whether a struct is written as JSON: it has tags.
func travels(s *ast.StructType) bool {
	return slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool { return f.Tag != nil })
}

func TestTypes_EveryStructIsListed(t *testing.T) {
	var listed []string
	for _, v := range wire {
		listed = append(listed, reflect.TypeOf(v).Name())
	}
	equal(t, "structs", parse(t).structs, listed)
	doc, _ := read(t)
	equal(t, "schemas", listed, slices.Collect(maps.Keys(doc.Components.Schemas)))
}

func TestSchemas_HaveTheFieldsOfTheirStructs(t *testing.T) {
	doc, _ := read(t)
	for _, v := range wire {
		typ := reflect.TypeOf(v)
		s := doc.Components.Schemas[typ.Name()]
		want, required := fields(typ)
		got := map[string]string{}
		for name, property := range s.Properties {
			got[name] = property.String()
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: the page has\n  %v\nand the struct\n  %v", typ.Name(), got, want)
		}
		equal(t, typ.Name()+": required fields", required, s.Required)
	}
}

// fields is a struct as JSON writes it: the kind of each field by name, and those
// that are always there.
func fields(t reflect.Type) (kinds map[string]string, required []string) {
	kinds = map[string]string{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue // embedded
		}
		kinds[name] = kind(f.Type)
		if !strings.Contains(opts, "omit") {
			required = append(required, name)
		}
	}
	return kinds, required
}

func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.Map:
		return "map of " + kind(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "list of " + kind(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[events.Time]() {
			return "time"
		}
		return t.Name()
	}
	panic(fmt.Sprintf("a field of kind %s", t.Kind()))
}

// String is the schema in the words of kind.
func (s schema) String() string {
	switch {
	case len(s.AllOf) == 1:
		return s.AllOf[0].String()
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Const != "", len(s.Enum) > 0:
		return "string"
	case s.Format == "date-time":
		return "time"
	case s.Encoding == "base64":
		return "bytes"
	case s.Values != nil:
		return "map of " + s.Values.String()
	case s.Items != nil:
		return "list of " + s.Items.String()
	}
	return s.Type
}

func TestTypes_EveryMessageTypeIsNamed(t *testing.T) {
	doc, _ := read(t)
	var named []string
	for _, s := range doc.Components.Schemas {
		if typ, ok := s.Properties["type"]; ok {
			named = append(named, typ.Enum...)
			if typ.Const != "" {
				named = append(named, typ.Const)
			}
		}
	}
	equal(t, "message types", slices.Collect(maps.Values(parse(t).constants["Type"])), named)
}

func TestSubjects_EveryKindVerbAndEventHasItsChannel(t *testing.T) {
	doc, _ := read(t)
	const room, to, from = "{room}", "{to}", "{from}"
	var want []string
	source := parse(t).constants
	for _, k := range source["Kind"] {
		switch k {
		case events.KindService:
			for _, verb := range source["Verb"] {
				want = append(want, events.ServiceSubject(room, verb, from))
			}
		case events.KindSignal:
			want = append(want, events.SignalSubject(room, to, from))
		case events.KindQuery:
			want = append(want, events.QuerySubject(room, to, from))
		case events.KindWork:
			want = append(want, events.WorkSubject(room, to, from))
		case events.KindRoster:
			want = append(want, events.RosterSubject(room, from))
		case events.KindJob:
			want = append(want, events.JobSubject(room, from))
		case events.KindEvent:
			for _, event := range source["Event"] {
				want = append(want, events.EventSubject(room, event))
			}
		default:
			t.Errorf("no builder is known here for subjects of kind %q", k)
		}
	}
	want = append(want, events.InboxPrefix(room, from)+".{id}", events.MeshLabel("{offerer}"), "job", "bulk")
	var got []string
	for name, c := range doc.Channels {
		got = append(got, c.Address)
		var named []string
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(c.Address, -1) {
			named = append(named, m[1])
		}
		equal(t, name+": parameters", named, slices.Collect(maps.Keys(c.Parameters)))
		if len(c.Messages) == 0 {
			t.Errorf("channel %s carries nothing", name)
		}
	}
	equal(t, "addresses", want, got)
	equal(t, "verbs that the hub answers", events.ServiceVerbs(), slices.Collect(maps.Values(source["Verb"])))
}

func TestSubjects_EveryChannelOfNATSHasAnOperation(t *testing.T) {
	doc, _ := read(t)
	used := map[string]bool{}
	for _, o := range doc.Operations {
		used[strings.TrimPrefix(o.Channel.Ref, "#/channels/")] = true
	}
	for name, c := range doc.Channels {
		if strings.HasPrefix(c.Address, "room.") && !used[name] {
			t.Errorf("nobody sends on channel %s", name)
		}
	}
}

func TestFrames_EveryTypeHasItsMessage(t *testing.T) {
	doc, _ := read(t)
	got := map[string]string{}
	for name, m := range doc.Components.Messages {
		if m.Frame != nil {
			got[name] = strconv.Itoa(*m.Frame)
		}
	}
	if want := parse(t).constants["Frame"]; !maps.Equal(got, want) {
		t.Errorf("frames on the page %v, in events %v", got, want)
	}
}

func TestPage_EveryReferenceLeadsSomewhere(t *testing.T) {
	_, tree := read(t)
	var walk func(any)
	walk = func(n any) {
		switch n := n.(type) {
		case map[string]any:
			if ref, ok := n["$ref"].(string); ok && !leads(tree, ref) {
				t.Errorf("%s leads nowhere", ref)
			}
			for _, v := range n {
				walk(v)
			}
		case []any:
			for _, v := range n {
				walk(v)
			}
		}
	}
	walk(tree)
	if version := tree.(map[string]any)["asyncapi"]; version != "3.0.0" {
		t.Errorf("version %v", version)
	}
}

func leads(tree any, ref string) bool {
	path, ok := strings.CutPrefix(ref, "#/")
	for _, key := range strings.Split(path, "/") {
		m, isMap := tree.(map[string]any)
		if !isMap {
			return false
		}
		tree = m[key]
	}
	return ok && tree != nil
}

// TestPage_FitsRealMessages writes one of each struct and looks its keys up.
func TestPage_FitsRealMessages(t *testing.T) {
	doc, _ := read(t)
	for _, v := range wire {
		name := reflect.TypeOf(v).Name()
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(data, &keys); err != nil {
			t.Fatal(err)
		}
		for key := range keys {
			if _, ok := doc.Components.Schemas[name].Properties[key]; !ok {
				t.Errorf("%s writes %q, which the page does not know", name, key)
			}
		}
	}
}

// equal compares two lists as sets.
func equal[T cmp.Ordered](t *testing.T, what string, want, got []T) {
	t.Helper()
	set := func(s []T) []T { return slices.Compact(slices.Sorted(slices.Values(s))) }
	if w, g := set(want), set(got); !slices.Equal(w, g) {
		t.Errorf("%s: want\n  %v\ngot\n  %v", what, w, g)
	}
}
