// Command licences holds the licences of everything that is linked into the
// binary to those that it may be given out under. It asks nobody: the modules
// bring their licences along.
//
//	go run ./licences DIR PACKAGE
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"
)

// allowed are licences that ask for no more than to be named; MPL-2.0 also asks that
// changed files of its own be given out, and we change none.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// module is one that is linked.
type module struct {
	Path, Version, Dir string
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: licences DIR PACKAGE")
	}
	modules, err := linked(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	c, err := assets.DefaultClassifier()
	if err != nil {
		log.Fatal(err)
	}
	var bad error
	for _, m := range modules {
		licences, err := licencesOf(c, m.Dir)
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s %s: %w", m.Path, m.Version, err))
			continue
		}
		fmt.Printf("%-60s %s\n", m.Path, strings.Join(licences, ", "))
	}
	if bad != nil {
		log.Fatal(bad)
	}
}

// linked are the modules that the package's binary is made of.
func linked(dir, pkg string) ([]module, error) {
	list := exec.Command("go", "list", "-deps", "-json=Module", pkg) //nolint:gosec,noctx // the arguments are the developer's
	list.Dir, list.Stderr = dir, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var modules []module
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Module *struct {
				module
				Main bool
			}
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main && !slices.Contains(modules, p.Module.module) {
			modules = append(modules, p.Module.module)
		}
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-.].*)?$`)

// licencesOf are the licences in a module's folder, all of which are allowed.
func licencesOf(c *classifier.Classifier, dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		for _, match := range c.Match(text).Matches {
			if match.MatchType != "License" || slices.Contains(found, match.Name) {
				continue
			}
			if !slices.Contains(allowed, match.Name) {
				return nil, fmt.Errorf("%s: %s is not among %s", entry.Name(), match.Name, strings.Join(allowed, ", "))
			}
			found = append(found, match.Name)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no licence was found")
	}
	return found, nil
}
