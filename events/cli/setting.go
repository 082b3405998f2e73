package cli

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/kelseyhightower/envconfig"
)

// A setting is one leaf field of a configuration struct and its variable.
//
// Tags: envconfig (the name behind the prefix; without it the field's name in
// words), default, required, desc (for Table), unset (what applies when neither
// value nor default is there, in words), secret (never show the value) and bare
// (the name has no prefix).
type setting struct {
	name  string
	field reflect.Value
	tag   reflect.StructTag
	bare  bool
}

// settings lists the leaves of the struct that cfg points to, in their order. It
// panics if cfg is not such a pointer: that is a mistake in the program.
func settings(prefix string, cfg any) []setting {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("cli: %T is not a pointer to a struct", cfg))
	}
	return walk(prefix, v.Elem())
}

func walk(prefix string, v reflect.Value) []setting {
	var all []setting
	for i := range v.NumField() {
		f, t := v.Field(i), v.Type().Field(i)
		if !t.IsExported() || t.Tag.Get("ignored") == "true" {
			continue
		}
		name := t.Tag.Get("envconfig")
		if name == "" {
			name = inWords(t.Name)
		}
		bare := t.Tag.Get("bare") == "true"
		if !bare {
			name = prefix + "_" + name
		}
		switch {
		case f.Kind() != reflect.Struct || decodes(t.Type):
			all = append(all, setting{name, f, t.Tag, bare})
		case t.Anonymous:
			all = append(all, walk(prefix, f)...)
		default:
			all = append(all, walk(name, f)...)
		}
	}
	return all
}

// inWords turns MaxPeers into MAX_PEERS and HTTPAddr into HTTP_ADDR.
func inWords(field string) string {
	r := []rune(field)
	var b strings.Builder
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(c))
	}
	return b.String()
}

var decoders = []reflect.Type{
	reflect.TypeFor[envconfig.Decoder](),
	reflect.TypeFor[envconfig.Setter](),
	reflect.TypeFor[encoding.TextUnmarshaler](),
	reflect.TypeFor[encoding.BinaryUnmarshaler](),
}

// decodes reports whether a type reads its own text.
func decodes(t reflect.Type) bool {
	for _, d := range decoders {
		if t.Implements(d) || reflect.PointerTo(t).Implements(d) {
			return true
		}
	}
	return false
}

func (s setting) required() bool { return s.tag.Get("required") == "true" }

// fileName is the variable that names a file with the secret, "" for settings
// that are none.
func (s setting) fileName() string {
	if s.field.Type() != reflect.TypeFor[Secret]() {
		return ""
	}
	return s.name + "_FILE"
}

func (s setting) secret() bool {
	return s.fileName() != "" || s.tag.Get("secret") == "true"
}

func (s setting) duration() bool { return s.field.Type() == reflect.TypeFor[time.Duration]() }
