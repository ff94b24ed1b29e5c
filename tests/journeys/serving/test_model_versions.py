"""The model page names the champion and its challenger, as ``rapport models list`` does."""

import re
import shutil

from serving_world import copy_home, served

from rapport.training.registry.model_registry import list_models


def test_the_newest_version_beside_the_champion_is_its_challenger(company, tmp_path):
    home = copy_home(company, tmp_path / "home")
    (champion,) = (home / "models" / "churn").glob("[0-9]*")
    for version in ("2", "3"):
        shutil.copytree(champion, champion.with_name(version))
    listed = {each["version"]: each["alias"] for each in list_models(home, "churn", environ={}).as_dict()["models"]}
    assert listed == {champion.name: "champion", "2": "", "3": "challenger"}
    with served(home, keys=False) as client:
        for language, words in (("en", ("champion", "challenger")), ("zh", ("现任", "挑战者"))):
            page = client.get("/model", headers={"accept-language": language}).text
            shown = dict(re.findall(r'<th scope="row">(\d+)</th><td>[^<]*</td><td>([^<]*)</td>', page))
            assert (shown[champion.name], shown["2"], shown["3"]) == (words[0], "–", words[1])
