// What comes to a test receiver appears by itself.

import { Fresh } from "./fresh.js";

const root = document.querySelector("[data-fresh]");
new Fresh(root, root.dataset.fresh, 2000);
