package check

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerfile is the stages of the Dockerfile.
func dockerfile(t *testing.T) []instructions.Stage {
	t.Helper()
	file, err := os.Open("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

// TestImageIsSmallAndUnprivileged: what the Dockerfile promises.
func TestImageIsSmallAndUnprivileged(t *testing.T) {
	stages := dockerfile(t)
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		t.Errorf("the image is made from %s", last.BaseName)
	}
	got := map[string]string{}
	for _, command := range last.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			got["user"] = c.User
		case *instructions.HealthCheckCommand:
			got["health"] = strings.Join(c.Health.Test, " ")
		case *instructions.EntrypointCommand:
			got["entrypoint"] = strings.Join(c.CmdLine, " ")
		case *instructions.CopyCommand:
			got["copied"] += " " + c.DestPath
		case *instructions.RunCommand:
			t.Errorf("an image from scratch runs %v", c.CmdLine)
		}
	}
	for what, want := range map[string]string{"user": "65532:65532", "health": "CMD /callgate healthcheck", "entrypoint": "/callgate"} {
		if got[what] != want {
			t.Errorf("%s is %q, not %q", what, got[what], want)
		}
	}
	if !strings.Contains(got["copied"], "/etc/ssl/certs/ca-certificates.crt") {
		t.Error("there are no certificates to check the upstream's against")
	}
}

// TestComposeLoads as docker compose would, and publishes to this machine alone.
func TestComposeLoads(t *testing.T) {
	t.Setenv("CALLGATE_CALLBACK_KEY", "key")
	options, err := cli.NewProjectOptions([]string{"../compose.yaml"}, cli.WithOsEnv)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"callgate", "grafana", "nats-1", "nats-2", "nats-3", "prometheus"}; !slices.Equal(project.ServiceNames(), want) {
		t.Errorf("the services are %v", project.ServiceNames())
	}
	for _, service := range project.Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s to everybody", service.Name, port.Published)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type != "bind" {
				continue
			}
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s mounts what is not there: %s", service.Name, filepath.Base(volume.Source))
			}
		}
	}
}
