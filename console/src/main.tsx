import { render } from "preact"; render(<p>callgate</p>, document.getElementById("console")!);
