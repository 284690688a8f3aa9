package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"journeys/internal/manifest"
)

// TestMain puts the project's Node.js first in PATH: the CDK library runs in it.
func TestMain(m *testing.M) {
	pinned, err := filepath.Abs("../tools/node/node_modules/.bin")
	if err == nil {
		err = os.Setenv("PATH", pinned+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err == nil {
		_, err = exec.LookPath("node")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests of infra/ need Node.js; install it with `make deps`:", err)
		os.Exit(1)
	}
	code := m.Run()
	jsii.Close()
	for _, dir := range sharedDirs {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// stackTemplate is a synthesized template, and the messages that the CDK CLI would
// print for it.
type stackTemplate struct {
	text      []byte
	Resources map[string]resource
	Outputs   map[string]any
	messages  []string
	dir       string // the cloud assembly
}

type resource struct {
	Type                string
	DeletionPolicy      string
	UpdateReplacePolicy string
	DependsOn           []string
	Properties          map[string]any
}

// ofType returns the resources of one type by logical id.
func (t stackTemplate) ofType(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

var goodSettings = map[string]string{
	manifest.EnvIssuer:   "https://issuer.example",
	manifest.EnvAudience: "journeys",
	envAlarmEmail:        "alarms@example.com",

	manifest.EnvConsoleClientID: "console",
}

func settingsFrom(values map[string]string) (settings, error) {
	return readSettings(func(name string) string { return values[name] })
}

// synthesized returns the templates of both stages by stage. All tests share one
// synthesis, because the CDK library takes seconds to start.
func synthesized(t *testing.T) map[string]stackTemplate {
	t.Helper()
	templates, err := synthesizeBoth()
	require.NoError(t, err)
	return templates
}

var synthesizeBoth = sync.OnceValues(func() (map[string]stackTemplate, error) {
	s, err := settingsFrom(goodSettings)
	if err != nil {
		return nil, err
	}
	dir, err := newSharedDir()
	if err != nil {
		return nil, err
	}
	return synthesize(s, dir, nil)
})

// sharedDirs are the output folders of syntheses that tests share.
var sharedDirs []string

// newSharedDir returns a new folder, which TestMain removes.
func newSharedDir() (string, error) {
	dir, err := os.MkdirTemp("", "journeys-infra")
	sharedDirs = append(sharedDirs, dir)
	return dir, err
}

// synthesize returns the templates of the app, by stage. It works in dir, with fake
// functions, and calls more to add to the app if it is not nil.
func synthesize(s settings, dir string, more func(awscdk.App)) (templates map[string]stackTemplate, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("synthesize: %v", broken)
		}
	}()
	dist := filepath.Join(dir, "dist")
	if err := fakeDist(dist, s.arch); err != nil {
		return nil, err
	}
	app := newApp(s, dist, jsii.String(filepath.Join(dir, "out")))
	if more != nil {
		more(app)
	}
	assembly := app.Synth(nil)
	templates = map[string]stackTemplate{}
	for _, stage := range s.stages {
		t, err := readTemplate(assembly.GetStackByName(jsii.String("Journeys-" + stage)))
		if err != nil {
			return nil, err
		}
		templates[stage] = t
	}
	return templates, nil
}

func readTemplate(artifact cxapi.CloudFormationStackArtifact) (stackTemplate, error) {
	t := stackTemplate{dir: filepath.Dir(*artifact.TemplateFullPath())}
	for _, m := range *artifact.Messages() {
		//nolint:staticcheck // its replacement has no Go binding
		t.messages = append(t.messages, fmt.Sprintf("%v %s: %v", m.Level, *m.Id, m.Entry.Data))
	}
	text, err := os.ReadFile(*artifact.TemplateFullPath())
	if err != nil {
		return t, err
	}
	t.text = text
	return t, json.Unmarshal(text, &t)
}

// fakeDist creates dist as `make build` does, with files that contain their function's name.
func fakeDist(dist, arch string) error {
	for _, f := range manifest.Functions() {
		if err := os.MkdirAll(filepath.Join(dist, f.Name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dist, f.Name, "bootstrap"), []byte(f.Name), 0o755); err != nil {
			return err
		}
	}
	web := filepath.Join(dist, manifest.Console.Name, "web")
	if err := os.MkdirAll(web, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(web, "index.html"), []byte("console"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dist, "ARCH"), []byte("linux/"+arch+"\n"), 0o644)
}
