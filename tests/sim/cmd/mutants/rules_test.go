package main

import "testing"

// A rule that moved in the code would make its mutant the design.
func TestMutants_EachRuleStandsWhereItIsSwitchedOff(t *testing.T) {
	t.Chdir("../../../..")
	for _, m := range mutants {
		if _, err := m.overlay(t.TempDir()); err != nil {
			t.Errorf("%s: %v", m.rule, err)
		}
	}
}
