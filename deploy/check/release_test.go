package check

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

const (
	root    = "../.."
	release = "v1.2.3"
	// maxBinary leaves the image, which has nothing else of weight, below 60 MB.
	maxBinary = 58_000_000
)

// releaseBuild is the build of .goreleaser.yaml, read as GoReleaser does.
func releaseBuild(t *testing.T) config.Build {
	t.Helper()
	project, err := config.Load(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Builds) != 1 {
		t.Fatalf("there are %d builds", len(project.Builds))
	}
	return project.Builds[0]
}

// TestReleaseAndImageAreBuiltAlike: a static binary with its version in it, that says
// nothing of where it was built.
func TestReleaseAndImageAreBuiltAlike(t *testing.T) {
	build := releaseBuild(t)
	var run string
	for _, command := range dockerfile(t)[0].Commands {
		if c, is := command.(*instructions.RunCommand); is && strings.Contains(strings.Join(c.CmdLine, " "), "go build") {
			run = strings.Join(c.CmdLine, " ")
		}
	}
	said := slices.Concat(build.Env, build.Flags, []string{strings.Replace(build.Ldflags[0], "{{ .Version }}", "${VERSION}", 1), build.Main})
	for _, want := range said {
		if !strings.Contains(run, want) {
			t.Errorf("the image is built without %s: %s", want, run)
		}
	}
	for _, file := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			t.Errorf("the archives lack %v", err)
		}
	}
}

// TestBinary: it is what it is, wherever it was built; needs nothing of the machine
// that it runs on; is small, and says its version. What the second build takes from
// Go's cache was found there by what went into it, of which the folder is none.
func TestBinary(t *testing.T) {
	elsewhere := t.TempDir()
	files, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(elsewhere, name))
	}
	binary := build(t, root)
	if !bytes.Equal(hash(t, binary), hash(t, build(t, elsewhere))) {
		t.Error("what is built elsewhere is another binary")
	}
	if info, err := os.Stat(binary); err != nil || info.Size() > maxBinary {
		t.Errorf("%v: it has %d bytes", err, info.Size())
	}
	parsed, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer parsed.Close()
	if libraries, err := parsed.ImportedLibraries(); len(libraries) > 0 || err != nil {
		t.Errorf("it needs %v, %v", libraries, err)
	}
	for _, prog := range parsed.Progs {
		if prog.Type == elf.PT_INTERP {
			t.Error("it needs a dynamic loader")
		}
	}
	if parsed.Section(".symtab") != nil || parsed.Section(".debug_info") != nil {
		t.Error("it is not stripped")
	}
	if said, err := exec.Command(binary, "version").Output(); err != nil || strings.TrimSpace(string(said)) != "callgate "+release {
		t.Errorf("it says %q, %v", said, err)
	}
}

// build builds the sources in dir as a release for Linux, and is where the binary is.
func build(t *testing.T, dir string) string {
	t.Helper()
	b := releaseBuild(t)
	out := filepath.Join(t.TempDir(), "callgate")
	args := slices.Concat([]string{"build"}, b.Flags, []string{"-buildvcs=false", "-ldflags", strings.Replace(b.Ldflags[0], "{{ .Version }}", release, 1), "-o", out, b.Main})
	cmd := exec.Command("go", args...) //nolint:gosec // of our own file
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(b.Env, "GOOS=linux", "GOFLAGS=", "GOWORK=off")...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return out
}

func hash(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		t.Fatal(err)
	}
	return sum.Sum(nil)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return // deleted, and not committed
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
