/* The page of a report: it builds the parts of runs or of a data set. */
"use strict";
(() => {
  function build() {
    PspParts.forget(PspParts.main);
    document.getElementById("nav").replaceChildren();
    if (PspParts.content.store) PspStorePage.show();
    else PspRunPage.show(build);
  }
  build();
})();
