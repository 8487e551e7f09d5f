#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/check.h"
#include "cli/config_source.h"
#include "cli/demo.h"
#include "cli/doctor.h"
#include "cli/doctor_grammar.h"
#include "cli/healthcheck.h"
#include "cli/healthcheck_grammar.h"
#include "cli/run.h"
#include "cli/show_config.h"
#include "cli/version.h"
#include "config/diagnostic.h"
#include "config/suggest.h"

namespace holdfast {
namespace {

constexpr const char* about = R"(holdfast carries HTTP requests over few, long-lived connections.

Examples:
  holdfast run --listen :8080 --upstream 127.0.0.1:9000
  holdfast check /etc/holdfast/holdfast.yaml
  holdfast demo)";

constexpr const char* about_run = R"(Serve, in the foreground, until a signal ends it.

Examples:
  holdfast run /etc/holdfast/holdfast.yaml
  holdfast run --listen :8080 --upstream 10.0.0.5:80 --upstream 10.0.0.6:80
  HOLDFAST_LISTEN=:8080 HOLDFAST_UPSTREAM=127.0.0.1:9000 holdfast run --workers auto)";

constexpr const char* about_check = R"(Check a configuration; open no socket and resolve no name.

Examples:
  holdfast check /etc/holdfast/holdfast.yaml
  holdfast check
  holdfast -t -c /etc/holdfast/holdfast.yaml)";

constexpr const char* about_config = R"(Show a configuration as holdfast understands it.

Examples:
  holdfast config show /etc/holdfast/holdfast.yaml
  holdfast config show --origin
  holdfast config schema > holdfast.schema.json)";

constexpr const char* about_show =
    R"(Show a configuration with all its values; it can be loaded again.

Examples:
  holdfast config show --origin /etc/holdfast/holdfast.yaml
  holdfast config show --env
  holdfast -T -c /etc/holdfast/holdfast.yaml)";

constexpr const char* about_schema = R"(Print the JSON Schema of a configuration, for editors.

Examples:
  holdfast config schema
  holdfast config schema > holdfast.schema.json
  holdfast config schema | check-jsonschema --schemafile /dev/stdin holdfast.yaml)";

constexpr const char* about_demo =
    R"(Show the effect here: short-lived clients, with and without holdfast.

Examples:
  holdfast demo
  holdfast demo --once
  holdfast demo --requests 5000 --port 8081)";

constexpr const char* footer =
    "Exit codes: 0 ok, 1 runtime failure, 2 bad usage, 78 bad configuration.";

enum class Command {
  run,
  check,
  test_and_show,
  show,
  schema,
  demo,
  doctor,
  healthcheck,
  short_version,
  long_version
};

// What the arguments ask for.
struct Request {
  ConfigSource run;
  ConfigSource check;
  ShowOptions show;
  DemoOptions demo;
  DoctorOptions doctor;
  HealthcheckOptions healthcheck;
  Command command = Command::run;
};

// Prints help as CLI11 does, but shorter: one line per subcommand, no list of exclusions.
class BriefFormatter final : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return CLI::Formatter::make_description(app) + '\n';
  }
  std::string make_subcommand(const CLI::App* app) const override {
    const std::string description = app->get_description();
    return fmt::format("  {:<28}{}\n", app->get_name(),
                       description.substr(0, description.find('\n')));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_size() == 0 ? "" : option->get_type_name();
    const std::string_view separator = type.empty() ? "" : " ";
    return fmt::format("{}{}", separator, type);
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string given = option->get_default_str();
    return option->get_description() + (given.empty() ? "" : fmt::format(" (default: {})", given));
  }
};

// What no command takes together. Our own rules, not CLI11's, for the sake of their wording.
constexpr std::pair<const char*, const char*> exclusions[] = {
    {"FILE", "--config"},      {"FILE", "--listen"},      {"FILE", "--upstream"},
    {"SERVER", "--config"},    {"--config", "--listen"},  {"--config", "--upstream"},
    {"--config", "--rps"},     {"--config", "--latency"}, {"FILE", "--address"},
    {"--config", "--address"}, {"--listen", "--address"}, {"--upstream", "--address"}};

// What must not be empty, and how a person calls it. An empty value stands for a variable that a
// script forgot to set; to take it as "not given" would serve from a file that nobody named.
constexpr std::pair<const char*, const char*> never_empty[] = {
    {"FILE", "the name of the file"}, {"--config", "the name of the file"},
    {"--listen", "the address"},      {"--upstream", "the name of the server"},
    {"--workers", "the number"},      {"--set", "the setting"},
    {"SERVER", "the address"},        {"--address", "the address"}};

// The values that were given, none if the command does not know the option.
std::vector<std::string> values_of(const CLI::App& app, const char* name) {
  const CLI::Option* option = app.get_option_no_throw(name);
  return option == nullptr ? std::vector<std::string>() : option->results();
}

// What is wrong with values that CLI11 has accepted.
std::optional<std::string> contradiction(const CLI::App& app) {
  for (const auto& [one, other] : exclusions) {
    if (!values_of(app, one).empty() && !values_of(app, other).empty()) {
      return fmt::format("{} and {} exclude each other", one, other);
    }
  }
  for (const auto& [name, meaning] : never_empty) {
    for (const std::string& value : values_of(app, name)) {
      if (value.empty()) {
        return fmt::format("{}: {} is empty", name, meaning);
      }
    }
  }
  return std::nullopt;
}

// The words of CLI11, or better ones. An N is read aloud as "en".
std::string describe_refusal(const CLI::ParseError& refused, const CLI::App& app) {
  std::string said = refused.what();
  const CLI::Option* option = app.get_option_no_throw(said.substr(0, said.find(':')));
  if (refused.get_name() != "ArgumentMismatch" || option == nullptr) {
    return said;
  }
  const std::string name = option->get_name();
  if (!said.ends_with("missing")) {
    return fmt::format("{} may be given only once", name);
  }
  const std::string type = option->get_type_name();
  const bool starts_with_a_vowel =
      std::string_view("AEIOUN").find(type.front()) != std::string_view::npos;
  return fmt::format("{} needs {} {}", name, starts_with_a_vowel ? "an" : "a", type);
}

template <class Number>
void add_number(CLI::App& app, const char* name, Number& number,
                std::pair<unsigned, unsigned> range, const char* purpose) {
  const auto judge = [range](const std::string& text) -> std::string {
    unsigned value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stopped == end && value >= range.first && value <= range.second) {
      return "";
    }
    return fmt::format("{} is not a number from {} to {}", in_quotes(text), range.first,
                       range.second);
  };
  app.add_option(name, number, purpose)->type_name("N")->capture_default_str()->check(judge);
}

// The grammar of the command line. Bound to a Request, which it fills.
class Grammar {
 public:
  explicit Grammar(Request& request) : request_(request) {
    describe(app_);
    app_.footer(footer);
    app_.require_subcommand(0, 1);
    app_.add_flag("-t,--test", test_, "Only check the configuration, as `check` does");
    app_.add_flag("-T", test_and_show_, "The same, then show it as `config show` does");
    app_.add_flag("-v,--version", short_version_, "Print the version");
    app_.add_flag("-V", long_version_, "Print the versions of all parts");
    add_source_options(app_, request_.run);

    describe(*run_);
    add_file(*run_, request_.run.file);
    add_source_options(*run_, request_.run);

    describe(*check_);
    add_file(*check_, request_.check.file);
    check_->add_option("-c,--config", request_.check.file, "The same, for those used to it")
        ->type_name("FILE");

    describe(*config_);
    config_->require_subcommand(0, 1);
    describe(*show_);
    add_file(*show_, request_.show.source.file);
    add_source_options(*show_, request_.show.source);
    show_->add_flag("--origin", origin_, "Say behind each value where it comes from");
    show_->add_flag("--env", variable_, "Say behind each value which variable sets it");
    show_->add_flag("--json", json_, "Print key, value, origin and variable as JSON");
    describe(*schema_);

    describe(*demo_);
    demo_->add_flag("--once", request_.demo.once, "End after the figures");
    add_number(*demo_, "--requests", request_.demo.requests, {1, 10'000'000},
               "Requests of each run");
    add_number(*demo_, "--concurrency", request_.demo.concurrency,
               {1, DemoOptions::max_concurrency}, "Clients at one time");
    add_number(*demo_, "--port", request_.demo.port, {0, 65535},
               "The port to go on serving on; not used with --once");
    demo_->add_flag("--json", request_.demo.json, "Print the figures as JSON");

    describe(*doctor_);
    add_doctor_options(*doctor_, request_.doctor);

    describe(*healthcheck_);
    add_file(*healthcheck_, request_.healthcheck.source.file);
    add_source_options(*healthcheck_, request_.healthcheck.source);
    add_healthcheck_options(*healthcheck_, request_.healthcheck);
  }

  // Reads the arguments; returns the exit code if there is nothing left to run.
  std::optional<int> read(int count, const char* const* arguments, const Outputs& outputs) {
    try {
      app_.parse(count, arguments);
    } catch (const CLI::CallForHelp&) {
      outputs.results << app_.help();
      return exit_ok;
    } catch (const CLI::ParseError& refused) {
      return refuse(describe_refusal(refused, chosen()), outputs);
    }
    if (const std::vector<std::string> unknown = app_.remaining(true); !unknown.empty()) {
      return refuse(describe_unknown(unknown.front()), outputs);
    }
    return choose(outputs);
  }

  [[nodiscard]] std::string help() const { return app_.help(); }

 private:
  // What is not known is judged by us, not by CLI11, for the sake of a suggestion.
  static void describe(CLI::App& app) {
    app.formatter_fn(
        [brief = BriefFormatter{}](const CLI::App* of, std::string name, CLI::AppFormatMode mode) {
          return brief.make_help(of, std::move(name), mode);
        });
    app.set_help_flag("-h,--help", "Print this help");
    app.allow_extras();
  }

  // CLI11 prints the name of a plain argument, so the name is what a person is to read.
  static void add_file(CLI::App& app, std::string& file) {
    app.add_option("FILE", file, fmt::format("Default: {}", default_config_path))->type_name("");
  }

  static void add_source_options(CLI::App& app, ConfigSource& source) {
    app.add_option("-c,--config", source.file, "Configuration file")->type_name("FILE");
    app.add_option("-l,--listen", source.listen, "Serve on this address, without a file")
        ->type_name("ADDRESS");
    app.add_option("-u,--upstream", source.upstreams, "Send to this server; may be repeated")
        ->type_name("HOST:PORT")
        ->allow_extra_args(false);
    app.add_option("-w,--workers", source.workers, "Threads: a number or auto")
        ->type_name("N|auto");
    app.add_option("--set", source.settings, "Set one key, as in log.level=debug; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
  }

  // The command that was entered, or one that lacks its second word.
  [[nodiscard]] const CLI::App& chosen() const {
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
    }
    return *app;
  }

  // What is entered for it: "holdfast config show".
  [[nodiscard]] std::string chosen_words() const {
    std::string words;
    for (const CLI::App* app = &chosen(); app != nullptr; app = app->get_parent()) {
      words = words.empty() ? app->get_name() : app->get_name() + ' ' + words;
    }
    return words;
  }

  [[nodiscard]] bool app_has_options() const {
    for (const CLI::Option* option : app_.get_options()) {
      if (option->count() > 0) {
        return true;
      }
    }
    return false;
  }

  // Settles what the arguments, each of them good, mean together.
  std::optional<int> choose(const Outputs& outputs) {
    if (const std::optional<std::string> wrong = contradiction(chosen())) {
      return refuse(*wrong, outputs);
    }
    if (&chosen() != &app_) {
      if (app_has_options()) {
        return refuse(fmt::format("options stand after '{}'", chosen().get_name()), outputs);
      }
      if (&chosen() == config_) {
        return refuse("'config' needs a command: show or schema", outputs);
      }
      choose_subcommand();
    } else if (long_version_) {
      request_.command = Command::long_version;
    } else if (short_version_) {
      request_.command = Command::short_version;
    } else if (test_ || test_and_show_) {
      request_.command = test_and_show_ ? Command::test_and_show : Command::check;
      request_.check = request_.run;
      request_.show.source = request_.run;
    }
    return std::nullopt;
  }

  void choose_subcommand() {
    const std::pair<const CLI::App*, Command> commands[] = {{run_, Command::run},
                                                            {check_, Command::check},
                                                            {show_, Command::show},
                                                            {schema_, Command::schema},
                                                            {demo_, Command::demo},
                                                            {doctor_, Command::doctor},
                                                            {healthcheck_, Command::healthcheck}};
    for (const auto& [app, command] : commands) {
      if (app == &chosen()) {
        request_.command = command;
      }
    }
    request_.show.remark = origin_     ? Remark::origin
                           : variable_ ? Remark::variable
                                       : Remark::nothing;
    request_.show.form = json_ ? ShowForm::json : ShowForm::yaml;
  }

  [[nodiscard]] std::string describe_unknown(const std::string& word) const {
    const bool is_option = word.size() > 1 && word.starts_with('-');
    const bool may_be_command = !is_option && (&chosen() == &app_ || &chosen() == config_);
    std::vector<std::string> known;
    if (may_be_command) {
      for (const CLI::App* subcommand : chosen().get_subcommands({})) {
        known.push_back(subcommand->get_name());
      }
    }
    if (is_option) {
      for (const CLI::Option* option : chosen().get_options()) {
        for (const std::string& name : option->get_lnames()) {
          known.push_back("--" + name);
        }
      }
    }
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    const std::string_view bare = std::string_view(word).substr(0, word.find('='));
    std::optional<std::string_view> meant = nearest(bare, candidates);
    if (&chosen() == &app_ && (word == "help" || word == "version")) {
      meant = word == "help" ? "--help" : "--version";
    }
    const std::string_view kind = is_option        ? "unknown option"
                                  : may_be_command ? "unknown command"
                                                   : "unexpected argument";
    return fmt::format("{} {}{}", kind, in_quotes(word),
                       meant ? fmt::format("; did you mean '{}'?", *meant) : "");
  }

  int refuse(std::string_view why, const Outputs& outputs) const {
    outputs.diagnostics << usage_error(why) << usage_hint(chosen_words());
    return exit_usage;
  }

  Request& request_;
  CLI::App app_{about, "holdfast"};
  CLI::App* run_ = app_.add_subcommand("run", about_run);
  CLI::App* check_ = app_.add_subcommand("check", about_check);
  CLI::App* config_ = app_.add_subcommand("config", about_config);
  CLI::App* show_ = config_->add_subcommand("show", about_show);
  CLI::App* schema_ = config_->add_subcommand("schema", about_schema);
  CLI::App* demo_ = app_.add_subcommand("demo", about_demo);
  CLI::App* doctor_ = app_.add_subcommand("doctor", about_doctor);
  CLI::App* healthcheck_ = app_.add_subcommand("healthcheck", about_healthcheck);
  bool test_ = false;
  bool test_and_show_ = false;
  bool origin_ = false;
  bool variable_ = false;
  bool json_ = false;
  bool short_version_ = false;
  bool long_version_ = false;
};

// What is shown goes alone to the results, as nginx has it, and no warning comes twice.
int test_and_show(const Request& request, const Outputs& outputs) {
  const Outputs all_for_people{outputs.diagnostics, outputs.diagnostics, outputs.colour};
  const int failed = check_configuration(request.check, all_for_people);
  std::ostringstream said_already;
  return failed == exit_ok ? show_configuration(request.show, {outputs.results, said_already})
                           : failed;
}

int carry_out(const Request& request, const Outputs& outputs) {
  switch (request.command) {
    case Command::run:
      return run(request.run, outputs);
    case Command::check:
      return check_configuration(request.check, outputs);
    case Command::test_and_show:
      return test_and_show(request, outputs);
    case Command::show:
      return show_configuration(request.show, outputs);
    case Command::schema:
      return show_schema(outputs);
    case Command::demo:
      return demo(request.demo);
    case Command::doctor:
      return doctor(request.doctor, outputs);
    case Command::healthcheck:
      return healthcheck(request.healthcheck, outputs);
    case Command::short_version:
      outputs.results << short_version();
      return exit_ok;
    case Command::long_version:
      break;
  }
  outputs.results << long_version();
  return exit_ok;
}

}  // namespace

int command_line(int count, const char* const* arguments, const Outputs& outputs) {
  Request request;
  Grammar grammar(request);
  if (count < 2 && !environment_configures(own_environment())) {
    outputs.diagnostics << grammar.help();
    return exit_usage;
  }
  const std::optional<int> ended = grammar.read(count, arguments, outputs);
  const int exit_code = ended ? *ended : carry_out(request, outputs);
  outputs.results.flush();
  // An answer that could not be written was not given.
  return exit_code == exit_ok && !outputs.results ? exit_failure : exit_code;
}

}  // namespace holdfast
