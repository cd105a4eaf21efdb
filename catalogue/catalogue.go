// Package catalogue knows what can go wrong: the upstream's answers to requests,
// the results on its events, and the gateway's own errors, each with a stable
// reason, what it means and what to do about it. It is one data file; the page
// docs/errors.md is made from it.
//
// Sources: the codes are those that Microsoft's documents and captured traffic
// name; Q.850 causes are ITU-T's. What is not listed passes through untouched.
package catalogue

import (
	_ "embed"
	"fmt"
	"slices"

	json "github.com/go-json-experiment/json/v1"
	"google.golang.org/grpc/codes"
)

//go:embed catalogue.json
var data []byte

// Entry is one thing that can go wrong.
type Entry struct {
	// Reason is its stable name, UPPER_SNAKE.
	Reason string `json:"reason"`
	// Meaning is what happened, in plain words.
	Meaning string `json:"meaning"`
	// Causes are what it likely comes from.
	Causes []string `json:"causes"`
	// Do is what to do about it.
	Do string `json:"do"`
	// Retry says that the same may fare better later.
	Retry bool `json:"retry"`
}

// Error is an entry that an RPC fails with.
type Error struct {
	Entry
	// GRPC is the code that the client gets.
	GRPC codes.Code `json:"grpc"`
	// Status is the upstream's HTTP status; 0 where it is not one.
	Status int `json:"status"`
	// Codes are the upstream's codes that it is about; none: all others of that
	// status.
	Codes []string `json:"codes"`
}

// Result is an entry that an event tells of.
type Result struct {
	Entry
	// Code and SubCodes are those of the event's result; no SubCodes: all others
	// of that code.
	Code     int32   `json:"code"`
	SubCodes []int32 `json:"subCodes"`
}

// Cause is an entry of the telephone network.
type Cause struct {
	Entry
	// Cause is the Q.850 cause value.
	Cause int32 `json:"cause"`
}

// Catalogue is all entries, in the order of the data file.
type Catalogue struct {
	Answers []Error  `json:"answers"`
	Gateway []Error  `json:"gateway"`
	Results []Result `json:"results"`
	Q850    []Cause  `json:"q850"`
}

// Load reads the catalogue. It fails only if the data file is broken, which a
// test of this package would tell first.
func Load() (*Catalogue, error) {
	var c Catalogue
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("error catalogue: %w", err)
	}
	return &c, nil
}

// Answer finds what an answer of the upstream with this status and code is; nil
// for one that is not known.
func (c *Catalogue) Answer(status int, code string) *Error {
	var general *Error
	for i := range c.Answers {
		e := &c.Answers[i]
		switch {
		case e.Status != status || status == 0:
		case slices.Contains(e.Codes, code):
			return e
		case len(e.Codes) == 0 && general == nil:
			general = e
		}
	}
	return general
}

// ByReason finds an entry that is not about a status, or about any.
func (c *Catalogue) ByReason(reason string) *Error {
	for _, list := range [][]Error{c.Gateway, c.Answers} {
		for i := range list {
			if list[i].Reason == reason {
				return &list[i]
			}
		}
	}
	return nil
}

// Result finds what the result of an event says: by code and sub-code, else by
// the network's cause, else by the code alone, else by what SIP says, whose codes
// are the same. Nil for success and for what is not known; 0 stands for what the
// event does not say.
func (c *Catalogue) Result(code, subCode, sip, q850 int32) *Entry {
	for _, code := range []int32{code, sip} {
		if entry := c.result(code, subCode, q850); entry != nil {
			return entry
		}
	}
	return nil
}

func (c *Catalogue) result(code, subCode, q850 int32) *Entry {
	var general *Entry
	for i := range c.Results {
		r := &c.Results[i]
		switch {
		case r.Code != code:
		case slices.Contains(r.SubCodes, subCode):
			return &r.Entry
		case len(r.SubCodes) == 0 && general == nil:
			general = &r.Entry
		}
	}
	for i := range c.Q850 {
		if q850 != 0 && c.Q850[i].Cause == q850 {
			return &c.Q850[i].Entry
		}
	}
	return general
}
