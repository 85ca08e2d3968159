// Replaces the still picture of the lanes by one that can be zoomed; without it the still one stays.
(function () {
  var host = document.getElementById("lanes"), data = document.getElementById("lanes-spec");
  if (!host || !data || !window.vegaEmbed) return;
  var box = document.createElement("div");
  var options = { mode: "vega-lite", renderer: "svg", actions: false };
  try {
    window.vegaEmbed(box, JSON.parse(data.textContent), options).then(function () {
      host.replaceChildren(box);
      document.body.classList.add("explorable");
    }, function () {});
  } catch (refused) { /* a viewer that forbids compiled expressions keeps the still picture */ }
})();
