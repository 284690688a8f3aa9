// Command infra is the CDK app: what internal/manifest lists, as one stack per
// stage. It takes the functions as `make build` left them in dist/ and its
// settings from the environment (see settings.go); it needs no AWS credentials.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// dist is seen from the folder of cdk.json, where the CDK's command starts the app.
const dist = "../dist"

func main() {
	s, err := readSettings(os.Getenv)
	if err = errors.Join(err, checkDist(dist, s.arch)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer jsii.Close()
	newApp(s, dist, nil).Synth(nil)
}

// newApp returns the app with the stack of each stage that the settings ask
// for, each under the AwsSolutions checks of cdk-nag. The templates go to
// outdir; if it is nil, where the CDK's command wants them.
func newApp(s settings, dist string, outdir *string) awscdk.App {
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: outdir})
	for _, stage := range s.stages {
		newStack(app, stage, s, dist)
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Verbose: jsii.Bool(true), Reports: jsii.Bool(false),
	}), nil)
	return app
}
