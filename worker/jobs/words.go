package jobs

import (
	"fmt"
	"strings"
)

// split cuts a specification at each ";" that is neither quoted nor escaped.
func split(spec string) []string {
	var parts []string
	var quote byte
	start := 0
	for i := 0; i < len(spec); i++ {
		switch c := spec[i]; {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		case c == ';' && quote == 0:
			parts = append(parts, spec[start:i])
			start = i + 1
		}
	}
	return append(parts, spec[start:])
}

// words splits text as a POSIX shell does, without any expansion: $, * and ~ stand
// for themselves, and so does #. An operator of the shell that is not quoted is an
// error, because there is no shell to act on it.
func words(text string) ([]string, error) {
	l := lexer{rest: text}
	for l.rest != "" {
		if err := l.step(); err != nil {
			return nil, err
		}
	}
	l.end()
	return l.words, nil
}

type lexer struct {
	rest   string
	words  []string
	word   strings.Builder
	inWord bool // also of an empty word: ''
}

// step consumes one unquoted character or one quoted stretch.
func (l *lexer) step() error {
	c := l.rest[0]
	l.rest = l.rest[1:]
	switch c {
	case ' ', '\t', '\n', '\r':
		l.end()
		return nil
	case '\'':
		return l.single()
	case '"':
		return l.double()
	case '\\':
		return l.escaped()
	case '|', '&', '<', '>', '(', ')':
		return fmt.Errorf("%q would need a shell, and there is none: quote it, or name a script that does this", c)
	}
	l.add(string(c))
	return nil
}

func (l *lexer) add(s string) {
	l.word.WriteString(s)
	l.inWord = true
}

func (l *lexer) end() {
	if l.inWord {
		l.words = append(l.words, l.word.String())
	}
	l.word.Reset()
	l.inWord = false
}

func (l *lexer) escaped() error {
	if l.rest == "" {
		return fmt.Errorf("a backslash at the end escapes nothing")
	}
	c := l.rest[:1]
	l.rest = l.rest[1:]
	if c != "\n" {
		l.add(c)
	}
	return nil
}

func (l *lexer) single() error {
	text, rest, ok := strings.Cut(l.rest, "'")
	if !ok {
		return fmt.Errorf("a quote (') is not closed")
	}
	l.add(text)
	l.rest = rest
	return nil
}

// double consumes up to the closing quote. Between double quotes a backslash
// escapes only $, `, ", itself and a line break.
func (l *lexer) double() error {
	l.add("")
	for l.rest != "" {
		c := l.rest[:1]
		l.rest = l.rest[1:]
		if c == `"` {
			return nil
		}
		if c == `\` && l.rest != "" && strings.Contains("$`\"\\\n", l.rest[:1]) {
			c = strings.TrimPrefix(l.rest[:1], "\n")
			l.rest = l.rest[1:]
		}
		l.add(c)
	}
	return fmt.Errorf(`a quote (") is not closed`)
}
